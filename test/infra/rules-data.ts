import { statementsOf } from "./iam.ts";
import { all, type Rule } from "./rules.ts";

/** What lies in the stack: encrypted, private, recoverable. */
export const dataRules: Readonly<Record<string, Rule>> = {
  "all that lies still is encrypted": (stack) => [
    ...all(stack, "aws:dynamodb/table:Table")
      .filter(
        ({ inputs }) => !(inputs.serverSideEncryption?.enabled && inputs.serverSideEncryption.kmsKeyArn),
      )
      .map(({ name }) => `the table ${name}`),
    ...all(stack, "aws:s3/bucket:Bucket")
      .filter(({ inputs }) => !isEncrypted(stack, inputs.bucket))
      .map(({ name }) => `the bucket ${name}`),
    ...all(stack, "aws:cloudwatch/logGroup:LogGroup")
      .filter(({ inputs }) => !inputs.kmsKeyId)
      .map(({ name }) => `the log group ${name}`),
    ...all(stack, "aws:sns/topic:Topic")
      .filter(({ inputs }) => !inputs.kmsMasterKeyId)
      .map(({ name }) => `the topic ${name}`),
    ...all(stack, "aws:sqs/queue:Queue")
      .filter(({ inputs }) => !(inputs.sqsManagedSseEnabled || inputs.kmsMasterKeyId))
      .map(({ name }) => `the queue ${name}`),
    ...all(stack, "aws:ec2/launchTemplate:LaunchTemplate")
      .filter(
        ({ inputs }) => !inputs.blockDeviceMappings?.every((disk: Disk) => disk.ebs?.encrypted === "true"),
      )
      .map(({ name }) => `disks of ${name}`),
    ...all(stack, "aws:kms/key:Key")
      .filter(({ inputs }) => !inputs.enableKeyRotation || inputs.deletionWindowInDays < 30)
      .map(({ name }) => `the key ${name}: rotated, and not gone within a month`),
  ],

  // SST's defaults throw a bucket away with what is in it, and let every page of the world call it.
  "buckets are private": (stack) =>
    all(stack, "aws:s3/bucket:Bucket").flatMap(({ name, inputs }) => {
      const of = (type: string) =>
        all(stack, `aws:s3/${type}`).find((each) => each.inputs.bucket === inputs.bucket)?.inputs;
      const block = of("bucketPublicAccessBlock:BucketPublicAccessBlock");
      const statements = statementsOf(of("bucketPolicy:BucketPolicy")?.policy ?? '{"Statement":[]}');
      const isTls = statements.some(
        ({ Effect, Condition }) =>
          Effect === "Deny" && String(Condition?.Bool?.["aws:SecureTransport"]) === "false",
      );
      return [
        ...BLOCKS.filter((each) => block?.[each] !== true).map((each) => `${name}: ${each}`),
        ...(of("bucketCorsConfiguration:BucketCorsConfiguration") ? [`${name}: CORS`] : []),
        ...(of("bucketOwnershipControls:BucketOwnershipControls")?.rule?.objectOwnership ===
        "BucketOwnerEnforced"
          ? []
          : [`${name}: objects with owners of their own`]),
        ...(isTls ? [] : [`${name}: http`]),
        ...statements
          .filter(({ Effect, Principal }) => Effect === "Allow" && JSON.stringify(Principal).includes("*"))
          .map(() => `${name}: a policy for everybody`),
      ];
    }),

  "what was overwritten or removed can be had back, for a while": (stack) => [
    ...all(stack, "aws:dynamodb/table:Table")
      .filter(({ inputs }) => inputs.pointInTimeRecovery?.enabled !== true)
      .map(({ name }) => `${name}: no point-in-time recovery`),
    ...all(stack, "aws:s3/bucket:Bucket").flatMap(({ name, inputs }) => {
      const versioning = all(stack, "aws:s3/bucketVersioning:BucketVersioning").find(
        (each) => each.inputs.bucket === inputs.bucket,
      );
      const rules = (all(stack, "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration").find(
        (each) => each.inputs.bucket === inputs.bucket,
      )?.inputs.rules ?? []) as Lifecycle[];
      const tenants = rules.find(
        ({ filter, status }) => filter?.prefix === "tenants/" && status === "Enabled",
      );
      return [
        ...(versioning?.inputs.versioningConfiguration?.status === "Enabled" ? [] : [`${name}: no versions`]),
        // An erased tenant's bytes must be gone one day.
        ...((tenants?.noncurrentVersionExpiration?.noncurrentDays ?? Infinity) <= 30
          ? []
          : [`${name}: old versions of tenants' blobs stay for ever`]),
        ...(tenants?.abortIncompleteMultipartUpload ? [] : [`${name}: broken uploads stay for ever`]),
        ...(rules.some(({ expiration }) => expiration?.days) ? [`${name}: blobs in use expire`] : []),
      ];
    }),
  ],

  "the table is as @kilotune/store has it": (stack) =>
    all(stack, "aws:dynamodb/table:Table")
      .filter(({ inputs: { hashKey, rangeKey, ttl, billingMode } }) => {
        const keys = `${hashKey} ${rangeKey} ${ttl?.attributeName} ${ttl?.enabled} ${billingMode}`;
        return keys !== "pk sk expiresAtSeconds true PAY_PER_REQUEST";
      })
      .map(({ name }) => name),

  "production's data outlive their stack": (stack, { shape }) => {
    const kept = [
      ...all(stack, "aws:dynamodb/table:Table"),
      ...all(stack, "aws:s3/bucket:Bucket"),
      // Without it neither can be read.
      ...all(stack, "aws:kms/key:Key"),
    ];
    const isProduction = shape === "production";
    return [
      ...kept
        .filter(({ options }) => options.retainOnDelete !== isProduction)
        .map(({ name, options }) => `${name}: kept ${options.retainOnDelete}`),
      ...all(stack, "aws:dynamodb/table:Table")
        .filter(({ inputs }) => inputs.deletionProtectionEnabled !== isProduction)
        .map(({ name }) => `${name}: deletion protection`),
      ...all(stack, "aws:s3/bucket:Bucket")
        .filter(({ inputs }) => inputs.forceDestroy === isProduction)
        .map(({ name }) => `${name}: thrown away with what is in it`),
      ...(stack.app.protect === isProduction ? [] : ["the app: protect"]),
      ...(stack.app.removal === (isProduction ? "retain" : "remove") ? [] : ["the app: removal"]),
    ];
  },
};

const BLOCKS = ["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"] as const;

interface Disk {
  readonly ebs?: { readonly encrypted?: string };
}

interface Lifecycle {
  readonly status: string;
  readonly filter?: { readonly prefix?: string };
  readonly expiration?: { readonly days?: number };
  readonly noncurrentVersionExpiration?: { readonly noncurrentDays?: number };
  readonly abortIncompleteMultipartUpload?: object;
}

function isEncrypted(stack: Parameters<Rule>[0], bucket: string): boolean {
  const rules = all(
    stack,
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
  ).find(({ inputs }) => inputs.bucket === bucket)?.inputs.rules as
    | { applyServerSideEncryptionByDefault?: { sseAlgorithm: string; kmsMasterKeyId?: string } }[]
    | undefined;
  return (
    rules?.some(
      ({ applyServerSideEncryptionByDefault: by }) => by?.sseAlgorithm === "aws:kms" && by.kmsMasterKeyId,
    ) ?? false
  );
}
