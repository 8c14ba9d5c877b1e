import type { Inputs } from "./harvest.ts";
import type { Request } from "./iam.ts";

/** Where the stack's things are. */
export interface Places {
  /** ARNs. */
  readonly table: string;
  readonly bucket: string;
}

/**
 * What IAM is asked when a call of the AWS SDK arrives: by the command's name. Sources: AWS's "Service authorization
 * reference", the pages "Actions, resources, and condition keys" of DynamoDB, S3, STS, Lambda and Step Functions.
 */
export const IAM_REQUESTS: Readonly<Record<string, (input: Inputs, places: Places) => Request[]>> = {
  GetItemCommand: ({ Key }, places) => [onItems("GetItem", [Key], places)],
  UpdateItemCommand: ({ Key }, places) => [onItems("UpdateItem", [Key], places)],
  QueryCommand: ({ ExpressionAttributeValues: values }, places) => [
    onItems("Query", [{ pk: values[":pk"] }], places),
  ],
  BatchWriteItemCommand: ({ RequestItems }, places) => {
    const writes = Object.values(RequestItems as Record<string, Inputs[]>).flat();
    return [
      onItems(
        "BatchWriteItem",
        writes.map(({ DeleteRequest }) => DeleteRequest.Key),
        places,
      ),
    ];
  },
  TransactWriteItemsCommand: ({ TransactItems }, places) =>
    (TransactItems as Inputs[]).map((item) => {
      const [[action, { Key }]] = Object.entries(item) as [[string, Inputs]];
      return onItems(action === "ConditionCheck" ? "ConditionCheckItem" : `${action}Item`, [Key], places);
    }),

  GetObjectCommand: onObject("GetObject"),
  HeadObjectCommand: onObject("GetObject"),
  PutObjectCommand: onObject("PutObject"),
  CreateMultipartUploadCommand: onObject("PutObject"),
  UploadPartCommand: onObject("PutObject"),
  CompleteMultipartUploadCommand: onObject("PutObject"),
  AbortMultipartUploadCommand: onObject("AbortMultipartUpload"),
  DeleteObjectCommand: onObject("DeleteObject"),
  DeleteObjectsCommand: ({ Delete }, places) =>
    (Delete.Objects as Inputs[]).flatMap(({ Key, VersionId }) =>
      onObject(VersionId === undefined ? "DeleteObject" : "DeleteObjectVersion")({ Key }, places),
    ),
  ListObjectsV2Command: onBucket("ListBucket"),
  ListObjectVersionsCommand: onBucket("ListBucketVersions"),
  ListMultipartUploadsCommand: onBucket("ListBucketMultipartUploads"),

  AssumeRoleCommand: ({ RoleArn, Tags }) =>
    ["sts:AssumeRole", "sts:TagSession"].map((action) => ({
      action,
      resource: RoleArn,
      context: {
        "aws:TagKeys": (Tags as Inputs[]).map(({ Key }) => Key),
        ...Object.fromEntries((Tags as Inputs[]).map(({ Key, Value }) => [`aws:RequestTag/${Key}`, Value])),
      },
    })),
  InvokeCommand: ({ FunctionName }) => [
    {
      action: "lambda:InvokeFunction",
      resource: `arn:aws:lambda:us-east-1:123456789012:function:${FunctionName}`,
    },
  ],
  StartExecutionCommand: ({ stateMachineArn }) => [
    { action: "states:StartExecution", resource: stateMachineArn },
  ],
  DescribeExecutionCommand: ({ executionArn }) => [
    { action: "states:DescribeExecution", resource: executionArn },
  ],
  StopExecutionCommand: ({ executionArn }) => [{ action: "states:StopExecution", resource: executionArn }],
};

/** The document client's commands, and helpers that send more than one, by what they send. */
export const SENDS: Readonly<Record<string, readonly string[]>> = {
  GetCommand: ["GetItemCommand"],
  UpdateCommand: ["UpdateItemCommand"],
  BatchWriteCommand: ["BatchWriteItemCommand"],
  TransactWriteCommand: ["TransactWriteItemsCommand"],
  paginateListObjectsV2: ["ListObjectsV2Command"],
  Upload: [
    "PutObjectCommand",
    "CreateMultipartUploadCommand",
    "UploadPartCommand",
    "CompleteMultipartUploadCommand",
    "AbortMultipartUploadCommand",
  ],
};

/** @param keys of the items: plain, or typed as DynamoDB has them */
function onItems(action: string, keys: readonly Inputs[], { table }: Places): Request {
  const leading = keys.map(({ pk }) => (typeof pk === "string" ? pk : (pk.S as string)));
  return {
    action: `dynamodb:${action}`,
    resource: table,
    context: { "dynamodb:LeadingKeys": [...new Set(leading)] },
  };
}

function onObject(action: string) {
  return ({ Key }: Inputs, { bucket }: Places): Request[] => [
    { action: `s3:${action}`, resource: `${bucket}/${Key}` },
  ];
}

function onBucket(action: string) {
  return ({ Prefix }: Inputs, { bucket }: Places): Request[] => [
    {
      action: `s3:${action}`,
      resource: bucket,
      context: Prefix === undefined ? {} : { "s3:prefix": Prefix },
    },
  ];
}
