import { randomBytes } from "node:crypto";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { S3Client } from "@aws-sdk/client-s3";
import { cacheFolder } from "@kilotune/backbone";
import { afterAll, describe } from "vitest";
import { startMinistack } from "../../../../test/setup/ministack.ts";
import { describeBlobs } from "../contract-suite/blobs.ts";
import { describeRecords } from "../contract-suite/records.ts";
import type { OpenStore } from "../contract-suite/store-under-test.ts";
import { makeTableAndBucket } from "../testing/table-and-bucket.ts";
import { openAwsStore } from "./open-aws-store.ts";

const ministack = await startMinistack(cacheFolder(process.env), ["dynamodb", "s3"]);
if (ministack === undefined) console.log("skipped: the AWS adapters, since ministack isn't installed");
afterAll(() => ministack?.stop());

const config = {
  endpoint: ministack?.endpoint ?? "",
  region: "eu-central-1",
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
};
const dynamo = new DynamoDBClient(config);
const s3 = new S3Client({ ...config, forcePathStyle: true });

const open: OpenStore = async (clock) => {
  const name = `kilotune-${randomBytes(4).toString("hex")}`;
  await makeTableAndBucket(dynamo, s3, name);
  const store = openAwsStore({ table: name, bucket: name, dynamo, s3, clock });
  return { ...store, cleanup: () => store.close() };
};

describe.skipIf(ministack === undefined)("AWS", () => {
  describeRecords("DynamoDB", open, { runs: 15 });
  describeBlobs("S3", open);
});
