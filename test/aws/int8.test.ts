import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { PutObjectCommand } from "@aws-sdk/client-s3";
import { type Backbone, bundleOf, cacheFolder, hubUrl, loadBackbone } from "@kilotune/backbone";
import { decodePrompt, encodePrompt } from "@kilotune/prompt";
import { openPrompt } from "@kilotune/service";
import { createPredictor } from "@kilotune/serving";
import { afterAll, beforeAll, expect, it } from "vitest";
import { bytesOf } from "../../packages/aws/src/bytes.ts";
import { readEnvironment } from "../../packages/aws/src/environment.ts";
import { openService } from "../../packages/aws/src/service.ts";
import { randomPrompt } from "../../packages/serving/src/text/testing.ts";
import { type Built, build } from "./built.ts";
import { type Cloud, openCloud } from "./cloud.ts";
import { CREDENTIALS, containerWith } from "./container-process.ts";
import { plant } from "./plant.ts";
import { tenantCalls } from "./tenant-calls.ts";

/** minilm-l6 in 8 bits, as `npm run layer -- build --precision int8` lays it out: functions answer from it, a job is judged on it. */

const load = {
  cache: cacheFolder(process.env),
  hub: hubUrl(process.env),
  precision: "int8",
  threads: 1,
} as const;
let backbone: Backbone;
let scratch: string;
let built: Built;
let cloud: Cloud | undefined;
beforeAll(async () => {
  backbone = await loadBackbone("minilm-l6", load);
  scratch = await mkdtemp(path.join(os.tmpdir(), "kilotune-int8-"));
  const bundle = await bundleOf("minilm-l6", load);
  built = await build(["api", "infer", "validate", "evaluate", "publish", "fail", "notify"], bundle);
  cloud = await openCloud({ built, backbone, tune: containerWith(bundle, scratch) });
  Object.assign(process.env, CREDENTIALS, cloud?.environment);
}, 180_000);
afterAll(async () => {
  await cloud?.[Symbol.asyncDispose]();
  await built[Symbol.asyncDispose]();
  await rm(scratch, { recursive: true, force: true });
});

const TEXTS = ["Where is my parcel?", "I was charged twice, please send the money back", "Merhaba"];

it("answers as a predictor of this process does, to the last bit, and as fp32 doesn't", async (context) => {
  if (cloud === undefined) return context.skip();
  expect(backbone.manifest.precision).toBe("int8");
  const service = openService(readEnvironment(cloud.environment));
  const { id: tenant, promptId } = await plant(service, backbone.manifest, 1);
  const infer = await cloud.instance("infer");
  const { payload } = await infer.invoke({ task: "classify", tenant, promptId, inputs: TEXTS });

  const stored = await decodePrompt(await bytesOf((await openPrompt(service, tenant, promptId)).chunks));
  const answered = async (by: Backbone) => {
    const predictor = await createPredictor({ backbone: by, loadPrompt: async () => stored });
    const rows = await predictor.classify(TEXTS.map((text) => ({ text, prompt: "it" })));
    await predictor.close();
    return rows.map(({ scores }) => scores);
  };
  const { labels, rows } = (payload as { classified: { labels: string[]; rows: Row[] } }).classified;
  const served = rows.map(({ scores }) =>
    scores.map(([place, score]) => ({ label: labels[place] as string, score })),
  );
  expect(served).toEqual(await answered(backbone));
  expect(served).not.toEqual(await answered(await loadBackbone("minilm-l6", { ...load, precision: "fp32" })));
});

it("refuses a prompt of another backbone, naming the hashes of both", async (context) => {
  if (cloud === undefined) return context.skip();
  const service = openService(readEnvironment(cloud.environment));
  const { id: tenant } = await plant(service, backbone.manifest, 2);
  const weightsSha256 = "f".repeat(64);
  const { prompt } = randomPrompt(backbone.manifest, 3, { method: "kv" });
  const foreign = {
    ...prompt,
    manifest: { ...prompt.manifest, backbone: { ...prompt.manifest.backbone, weightsSha256 } },
  } as typeof prompt;
  const Body = encodePrompt(foreign, { storage: "float32" });
  const promptId = createHash("sha256").update(Body).digest("hex");
  const Key = `tenants/${tenant}/prompts/${promptId}.safetensors`;
  await cloud.s3.send(new PutObjectCommand({ Bucket: cloud.bucket, Key, Body }));
  const infer = await cloud.instance("infer");
  const { payload } = await infer.invoke({ task: "classify", tenant, promptId, inputs: TEXTS });
  const { error } = payload as { error: { message: string } };
  expect(error).toMatchObject({ code: "backbone_mismatch", kind: "input" });
  for (const hash of [weightsSha256, backbone.manifest.identity.weightsSha256])
    expect(error.message).toContain(hash);
});

it("tunes on it, evaluates in the function that has its layer, and answers with what came of it", async (context) => {
  if (cloud === undefined) return context.skip();
  const { call, newTenant, upload, until } = tenantCalls(cloud);
  const key = await newTenant("Eight bits");
  const texts = {
    parcel: ["where is it", "still not here", "late"],
    refund: ["money back", "charged twice"],
  };
  const rows = Object.entries(texts).flatMap(([label, all]) =>
    all.flatMap((text) => ["", ", please"].map((end) => JSON.stringify({ text: text + end, label }))),
  );
  const created = await call(key, "POST", "/v1/fine_tuning/jobs", {
    model: "minilm-l6",
    training_file: await upload(key, rows.join("\n"), "fine-tune"),
    method: { type: "kv", kv: { hyperparameters: { n_epochs: 1, tokens: 2 } } },
  });
  const job = await until(key, `/v1/fine_tuning/jobs/${created.body.id}`, "succeeded", "failed");
  expect([job.status, job.error]).toEqual(["succeeded", null]);
  const { body: prompts } = await call(key, "GET", "/v1/prompts");
  const file = await cloud.fetch(
    new Request(`https://api.test/v1/prompts/${prompts.data[0].id}/content`, {
      headers: { authorization: `Bearer ${key}` },
    }),
  );
  const { prompt } = await decodePrompt(new Uint8Array(await file.arrayBuffer()));
  expect(prompt.manifest).toMatchObject({ precision: "int8" });
  const answer = await call(key, "POST", "/v1/classify", { model: job.fine_tuned_model, input: TEXTS });
  expect(answer.body.data.map(({ label }: { label: string }) => label)).toEqual(
    expect.arrayContaining(["parcel", "refund"]),
  );
}, 180_000);

interface Row {
  readonly scores: readonly [number, number][];
}
