import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { GetLayerVersionCommand, LambdaClient, paginateListLayerVersions } from "@aws-sdk/client-lambda";
import { CreateBucketCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { cacheFolder } from "@kilotune/backbone";
import { type TinyBackbone, tinyBackbone } from "@kilotune/backbone/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startMinistack } from "../../test/setup/ministack.ts";
import { buildLayers } from "./build.ts";
import { publishLayers } from "./publish.ts";
import { type BuiltLayer, readRecord } from "./record.ts";
import { pretendOnnxRuntime } from "./testing.ts";

const { version } = createRequire(import.meta.url)("onnxruntime-node/package.json");

const aws = await startMinistack(cacheFolder(process.env), ["lambda", "s3"]);
if (aws === undefined) console.log("skipped: publishing, since ministack isn't installed");
afterAll(() => aws?.stop());

const config = {
  endpoint: aws?.endpoint ?? "",
  region: "eu-central-1",
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
};

let tiny: TinyBackbone;
let folder: string;
let ort: string;
let lambda: LambdaClient;
let s3: S3Client;
beforeAll(async () => {
  tiny = await tinyBackbone({ words: ["parcel", "card"] });
});
afterAll(() => tiny[Symbol.asyncDispose]());
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-publish-"));
  ort = await pretendOnnxRuntime(path.join(folder, "ort"), { version });
  lambda = new LambdaClient(config);
  s3 = new S3Client({ ...config, forcePathStyle: true });
});
afterEach(async () => {
  lambda.destroy();
  s3.destroy();
  await rm(folder, { recursive: true, force: true });
});

const out = () => path.join(folder, "out");
const build = () =>
  buildLayers({
    out: out(),
    architectures: ["arm64", "x64"],
    backbones: [tiny.bundle],
    onnxruntime: ort,
    load: { cache: folder, hub: "" },
    tell: () => {},
  });
const publish = (prefix: string, more: { bucket?: string; directBytes?: number } = {}) =>
  publishLayers({ out: out(), prefix, tell: () => {}, lambda, s3, ...more });

async function versionsOf(LayerName: string): Promise<number> {
  let versions = 0;
  for await (const page of paginateListLayerVersions({ client: lambda }, { LayerName }))
    versions += page.LayerVersions?.length ?? 0;
  return versions;
}

describe.skipIf(aws === undefined)("publish", () => {
  it("makes a version of each layer, once for a content", async () => {
    await build();
    const first = await publish("once-");
    expect(first.map(({ name, written }) => [name, written])).toEqual([
      ["once-backbone-tiny", true],
      ["once-onnxruntime-arm64", true],
      ["once-onnxruntime-x64", true],
    ]);
    const again = await publish("once-");
    expect(again).toEqual(first.map((each) => ({ ...each, written: false })));
    expect(await versionsOf("once-onnxruntime-x64")).toBe(1);

    const { layers } = await readRecord(out());
    const got = await lambda.send(
      new GetLayerVersionCommand({ LayerName: "once-onnxruntime-x64", VersionNumber: 1 }),
    );
    expect(got).toMatchObject({
      LayerVersionArn: first[2]?.arn,
      CompatibleArchitectures: ["x86_64"],
      CompatibleRuntimes: ["nodejs24.x"],
      Description: `sha256:${layers[2]?.contentSha256} ONNX Runtime ${version} for x64`,
    });
    expect(got.Content?.CodeSize).toBe((layers[2] as BuiltLayer).zipBytes);
  });

  it("goes back to the version that an older content had", async () => {
    const script = path.join(ort, "dist", "index.js");
    const old = await readFile(script);
    await build();
    const first = await publish("back-");
    await writeFile(script, "module.exports = { newer: true };\n");
    await build();
    const second = await publish("back-");
    expect(second.map(({ written }) => written)).toEqual([false, true, true]);
    await writeFile(script, old);
    await build();
    expect(await publish("back-")).toEqual(first.map((each) => ({ ...each, written: false })));
    expect(await versionsOf("back-onnxruntime-arm64")).toBe(2);
  });

  it("puts a zip that is too large for a call into the bucket under its hash, and says where it needs one", async () => {
    await build();
    const all = { directBytes: 0 };
    await expect(publish("large-", all)).rejects.toMatchObject({ code: "bucket_needed", kind: "usage" });
    expect(await versionsOf("large-backbone-tiny")).toBe(0);
    await s3.send(new CreateBucketCommand({ Bucket: "layers" }));
    const published = await publish("large-", { ...all, bucket: "layers" });
    expect(published.every(({ written }) => written)).toBe(true);
    const { layers } = await readRecord(out());
    const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket: "layers" }));
    expect(Contents?.map(({ Key }) => Key)).toEqual(
      layers.map((layer) => `layers/${layer.name}-${(layer as BuiltLayer).zipSha256}.zip`),
    );
  });

  it("publishes nothing that isn't as it was built", async () => {
    await build();
    await writeFile(path.join(out(), "onnxruntime-arm64.zip"), "PK damaged");
    await expect(publish("damaged-")).rejects.toMatchObject({ code: "damaged_layer" });
    expect(await versionsOf("damaged-onnxruntime-arm64")).toBe(0);
  });

  it("says what AWS said, and goes on from there", async () => {
    await build();
    let left = 2;
    lambda.middlewareStack.add(
      (next, context) => async (args) => {
        if (context.commandName === "PublishLayerVersionCommand" && left-- === 1)
          throw Object.assign(new Error("not authorized"), { name: "AccessDeniedException" });
        return next(args);
      },
      { step: "initialize" },
    );
    await expect(publish("denied-")).rejects.toMatchObject({
      code: "aws_failed",
      kind: "machine",
      message:
        "expected to publish denied-onnxruntime-arm64, but AWS said AccessDeniedException: not authorized",
    });
    expect((await publish("denied-")).map(({ written }) => written)).toEqual([false, true, true]);
  });
});
