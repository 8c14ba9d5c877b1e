import { arnOf, account, named, partition, region, settings } from "./here.ts";

/** One key for all that lies still: table, bucket, logs, topics. Who may use it, the roles' own policies say. */
export const key = new aws.kms.Key(
  "Key",
  {
    description: `All data of ${named("*")}`,
    enableKeyRotation: true,
    deletionWindowInDays: 30,
    policy: aws.iam.getPolicyDocumentOutput({
      statements: [
        {
          // Without it nobody, the account's administrators included, could ever change the key.
          sid: "Administrators",
          principals: [{ type: "AWS", identifiers: [$interpolate`arn:${partition}:iam::${account}:root`] }],
          actions: ["kms:*"],
          resources: ["*"],
        },
        {
          sid: "Logs",
          principals: [{ type: "Service", identifiers: [$interpolate`logs.${region}.amazonaws.com`] }],
          actions: ["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"],
          resources: ["*"],
          conditions: [
            {
              test: "ArnLike",
              variable: "kms:EncryptionContext:aws:logs:arn",
              values: [arnOf("logs", `log-group:/kilotune/${$app.stage}/*`)],
            },
          ],
        },
        {
          sid: "Notices",
          principals: [
            { type: "Service", identifiers: ["cloudwatch.amazonaws.com", "events.amazonaws.com"] },
          ],
          actions: ["kms:Decrypt", "kms:GenerateDataKey"],
          resources: ["*"],
          conditions: [{ test: "StringEquals", variable: "aws:SourceAccount", values: [account] }],
        },
      ],
    }).json,
  },
  // SST keeps the table and the bucket of a protected stack, and not what they can't be read without.
  { retainOnDelete: settings.isProtected },
);

new aws.kms.Alias("KeyAlias", { name: `alias/${named("data")}`, targetKeyId: key.keyId });

/** What a role's policy needs so that the role may read and write through a service that encrypts with the key. */
export function keyThrough(...services: readonly string[]) {
  return {
    sid: "Key",
    actions: ["kms:Decrypt", "kms:GenerateDataKey"],
    resources: [key.arn],
    conditions: [
      {
        test: "StringEquals",
        variable: "kms:ViaService",
        values: services.map((service) => $interpolate`${service}.${region}.amazonaws.com`),
      },
    ],
  };
}
