import { CreateTableCommand, type DynamoDBClient, UpdateTimeToLiveCommand } from "@aws-sdk/client-dynamodb";
import { CreateBucketCommand, type S3Client } from "@aws-sdk/client-s3";

/** What `openAwsStore` expects to be there, made in an emulator; the real ones come from the infrastructure's own files. */
export async function makeTableAndBucket(dynamo: DynamoDBClient, s3: S3Client, name: string): Promise<void> {
  await dynamo.send(
    new CreateTableCommand({
      TableName: name,
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: ["pk", "sk"].map((key) => ({ AttributeName: key, AttributeType: "S" })),
      KeySchema: [
        { AttributeName: "pk", KeyType: "HASH" },
        { AttributeName: "sk", KeyType: "RANGE" },
      ],
    }),
  );
  const timeToLive = { AttributeName: "expiresAtSeconds", Enabled: true };
  await dynamo.send(new UpdateTimeToLiveCommand({ TableName: name, TimeToLiveSpecification: timeToLive }));
  await s3.send(new CreateBucketCommand({ Bucket: name }));
}
