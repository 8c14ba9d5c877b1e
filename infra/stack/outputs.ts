import { url } from "./api.ts";
import { bucket } from "./bucket.ts";
import { dashboard } from "./dashboard.ts";
import { region } from "./here.ts";
import { alarmTopic, newsTopic } from "./notify.ts";
import { table } from "./table.ts";
import { batches, jobs } from "./workflow.ts";

/** What `sst deploy` prints. No secret is among it: the first admin key is the one whose hash is the secret AdminKeyHash. */
export const outputs = {
  url,
  table: table.name,
  bucket: bucket.name,
  jobs: jobs.arn,
  batches: batches.arn,
  alarms: alarmTopic.arn,
  news: newsTopic.arn,
  dashboard: $interpolate`https://${region}.console.aws.amazon.com/cloudwatch/home?region=${region}#dashboards/dashboard/${dashboard.dashboardName}`,
};
