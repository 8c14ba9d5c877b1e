import { settings } from "./here.ts";
import { key } from "./keys.ts";

/**
 * All records; @kilotune/store says what lies in it. It has no index: every question is asked within one partition, a
 * tenant's or the platform's.
 */
export const table = new sst.aws.Dynamo("Table", {
  fields: { pk: "string", sk: "string" },
  primaryIndex: { hashKey: "pk", rangeKey: "sk" },
  ttl: "expiresAtSeconds",
  deletionProtection: settings.isProtected,
  transform: {
    table(args) {
      args.serverSideEncryption = { enabled: true, kmsKeyArn: key.arn };
      args.pointInTimeRecovery = { enabled: true, recoveryPeriodInDays: 35 };
    },
  },
});
