import { randomBytes } from "node:crypto";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { S3Client } from "@aws-sdk/client-s3";
import { SFNClient } from "@aws-sdk/client-sfn";
import { STSClient } from "@aws-sdk/client-sts";
import { cacheFolder } from "@kilotune/backbone";
import { startMinistack } from "../../../../test/setup/ministack.ts";
import type { Clock } from "../ports/clock.ts";
import { makeTableAndBucket } from "../testing/table-and-bucket.ts";
import { openAwsStore } from "./open-aws-store.ts";

/** AWS on this machine, for the tests of a file; undefined, and said aloud, where the emulator isn't installed. */
export async function startAws() {
  const ministack = await startMinistack(cacheFolder(process.env), [
    "dynamodb",
    "s3",
    "stepfunctions",
    "sts",
    "iam",
  ]);
  if (ministack === undefined) {
    console.log("skipped: the AWS adapters, since ministack isn't installed: run node test/setup/prepare.ts");
    return undefined;
  }
  const config = {
    endpoint: ministack.endpoint,
    region: "eu-central-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  };
  const s3Config = { ...config, forcePathStyle: true };
  const clients = () => ({ dynamo: new DynamoDBClient(config), s3: new S3Client(s3Config) });
  /** A store with a table, a bucket and clients of its own, which a test may also use past the store. */
  const open = async (clock: Clock) => {
    const name = `kilotune-${randomBytes(4).toString("hex")}`;
    const { dynamo, s3 } = clients();
    await makeTableAndBucket(dynamo, s3, name);
    const store = openAwsStore({ table: name, bucket: name, dynamo, s3, clock });
    const cleanup = async () => {
      await store.close();
      dynamo.destroy();
      s3.destroy();
    };
    return { ...store, name, dynamo, s3, cleanup };
  };
  const others = () => ({ sfn: new SFNClient(config), sts: new STSClient(config) });
  return { open, clients, others, config, s3Config, stop: () => ministack.stop() };
}
