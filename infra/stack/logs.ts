import { settings } from "./here.ts";
import { key } from "./keys.ts";

/** By what writes them, so that alarms can be made of each. */
export const groups = new Map<string, aws.cloudwatch.LogGroup>();

/** Encrypted, and gone after a time. */
export function logGroup(name: string): aws.cloudwatch.LogGroup {
  const group = new aws.cloudwatch.LogGroup(`Logs-${name}`, {
    name: `/kilotune/${$app.stage}/${name}`,
    retentionInDays: settings.logDays,
    kmsKeyId: key.arn,
  });
  groups.set(name, group);
  return group;
}
