import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { S3Client } from "@aws-sdk/client-s3";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import type { Blobs } from "../ports/blobs.ts";
import type { Clock } from "../ports/clock.ts";
import type { Records } from "../ports/records.ts";
import { S3Blobs } from "./blobs.ts";
import { DynamoRecords } from "./records.ts";

export interface AwsStore extends AsyncDisposable {
  readonly records: Records;
  readonly blobs: Blobs;
  close(): Promise<void>;
}

/**
 * A store in one table of DynamoDB (keys `pk` and `sk`, texts; time to live in `expiresAtSeconds`) and one bucket of S3,
 * both there already. Clients that are given aren't closed.
 */
export function openAwsStore(options: {
  readonly table: string;
  readonly bucket: string;
  readonly dynamo?: DynamoDBClient;
  readonly s3?: S3Client;
  readonly clock?: Clock;
}): AwsStore {
  const { table, bucket, clock = { now: () => new Date() } } = options;
  const dynamo = options.dynamo ?? new DynamoDBClient({});
  const s3 = options.s3 ?? new S3Client({});
  const close = async () => {
    if (dynamo !== options.dynamo) dynamo.destroy();
    if (s3 !== options.s3) s3.destroy();
  };
  return {
    records: new DynamoRecords(DynamoDBDocumentClient.from(dynamo), table, clock),
    blobs: new S3Blobs(s3, bucket),
    close,
    [Symbol.asyncDispose]: close,
  };
}
