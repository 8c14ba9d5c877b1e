import { bucket } from "./bucket.ts";
import { named } from "./here.ts";
import { keyThrough } from "./keys.ts";
import { allow, roles, type Statement } from "./roles.ts";
import { table } from "./table.ts";

/** As @kilotune/contract has it: the partition of the platform's own records. */
export const PLATFORM = "tn-platform";

/** IAM puts the session's tag in its place. */
// biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of IAM, not of ours
const TENANT = "${aws:PrincipalTag/tenant}";

/**
 * Taken on for one tenant at a time, with the session tag `tenant`: its own prefix of the bucket and its own partition of
 * the table are all that such a session reaches. The platform's partition isn't a tenant's.
 */
export const tenantRole = new aws.iam.Role("TenantRole", {
  name: named("tenant"),
  maxSessionDuration: 3600,
  assumeRolePolicy: aws.iam.getPolicyDocumentOutput({
    statements: [
      {
        actions: ["sts:AssumeRole", "sts:TagSession"],
        principals: [{ type: "AWS", identifiers: Object.values(roles).map(({ arn }) => arn) }],
        conditions: [
          { test: "StringLike", variable: "aws:RequestTag/tenant", values: ["tn-*"] },
          { test: "StringNotEquals", variable: "aws:RequestTag/tenant", values: [PLATFORM] },
          { test: "ForAllValues:StringEquals", variable: "aws:TagKeys", values: ["tenant"] },
        ],
      },
    ],
  }).json,
});

allow("tenant", tenantRole, [
  {
    sid: "OwnBlobs",
    actions: [
      "s3:GetObject",
      "s3:PutObject",
      "s3:DeleteObject",
      // Erased is erased: what was overwritten goes, too.
      "s3:DeleteObjectVersion",
      "s3:AbortMultipartUpload",
    ],
    resources: [$interpolate`${bucket.arn}/tenants/${TENANT}/*`],
  },
  {
    // Without a prefix the whole bucket is asked for, and nothing matches.
    sid: "OwnList",
    actions: ["s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"],
    resources: [bucket.arn],
    conditions: [{ test: "StringLike", variable: "s3:prefix", values: [`tenants/${TENANT}/*`] }],
  },
  ...recordsOf("OwnRecords", TENANT),
  keyThrough("s3", "dynamodb"),
]);

/** All that @kilotune/store does with the records of one partition. */
export function recordsOf(sid: string, partition: string): Statement[] {
  return [
    {
      sid,
      actions: [
        "dynamodb:GetItem",
        "dynamodb:Query",
        "dynamodb:UpdateItem",
        "dynamodb:DeleteItem",
        "dynamodb:ConditionCheckItem",
        "dynamodb:BatchWriteItem",
      ],
      resources: [table.arn],
      conditions: [
        { test: "ForAllValues:StringEquals", variable: "dynamodb:LeadingKeys", values: [partition] },
        // "For all values" holds where there are none.
        { test: "Null", variable: "dynamodb:LeadingKeys", values: ["false"] },
      ],
    },
  ];
}

/** What a role does as itself: the platform's records. As a tenant it does the rest. */
export function platformRecords(): Statement[] {
  return [...recordsOf("PlatformRecords", PLATFORM), keyThrough("dynamodb"), asTenant()];
}

export function asTenant(): Statement {
  return { sid: "AsTenant", actions: ["sts:AssumeRole", "sts:TagSession"], resources: [tenantRole.arn] };
}
