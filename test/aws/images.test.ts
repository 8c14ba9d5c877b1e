import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { VisionBackbone } from "@kilotune/backbone";
import { createSharpCodec, encodeMask } from "@kilotune/image/node";
import { decodePrompt, encodePrompt, type StoredPrompt } from "@kilotune/prompt";
import { createVisionPredictor, type ImageAnswer } from "@kilotune/serving";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { FUNCTIONS, type FunctionName } from "../../packages/aws/src/functions/functions.ts";
import { type TinyBackbone, tinyBackbone, tinyVisionBackbone } from "../../packages/backbone/src/testing.ts";
import { WORDS } from "../../packages/serving/src/text/testing.ts";
import { randomImagePrompt } from "../../packages/serving/src/vision/testing.ts";
import { HEIGHT, pictureOf, WIDTH, zipOf } from "../toy-pictures.ts";
import { type Built, build } from "./built.ts";
import { type Cloud, openCloud } from "./cloud.ts";
import { CREDENTIALS, containerWith } from "./container-process.ts";
import { type TenantCalls, tenantCalls } from "./tenant-calls.ts";

/** Images in functions as they are deployed: a backbone of images beside one of texts, each with its own layers. */

const TASKS = ["classification", "segmentation", "detection"] as const;
const ARCHITECTURE = process.arch as "x64";
const FLOATS = { storage: "float32" } as const;

let tiny: TinyBackbone;
let vision: Awaited<ReturnType<typeof tinyVisionBackbone>>;
let vit: VisionBackbone;
let scratch: string;
let built: Built;
let cloud: Cloud | undefined;
let call: TenantCalls["call"];
let newTenant: TenantCalls["newTenant"];
let upload: TenantCalls["upload"];
let until: TenantCalls["until"];
let key: string;
/** Models by task: one of a job's, the others imported. */
const models = new Map<(typeof TASKS)[number], { readonly name: string; readonly stored: StoredPrompt }>();

beforeAll(async () => {
  [tiny, vision] = await Promise.all([tinyBackbone({ words: WORDS }), tinyVisionBackbone()]);
  vit = vision.backbone;
  scratch = await mkdtemp(path.join(os.tmpdir(), "kilotune-images-"));
  built = await build(Object.keys(FUNCTIONS) as FunctionName[], tiny.bundle);
  const layers = await built.otherLayers({
    runtime: ARCHITECTURE,
    sharp: ARCHITECTURE,
    backbone: vision.bundle,
  });
  cloud = await openCloud({
    built,
    backbone: tiny.backbone,
    others: [{ backbone: vit, layers }],
    tune: containerWith(vision.bundle, scratch),
  });
  if (cloud === undefined) return;
  Object.assign(process.env, CREDENTIALS, cloud.environment);
  ({ call, newTenant, upload, until } = tenantCalls(cloud));
  key = await newTenant("Clinic");
}, 180_000);
beforeEach((context) => {
  if (cloud === undefined) context.skip();
});
afterAll(async () => {
  await cloud?.[Symbol.asyncDispose]();
  await built[Symbol.asyncDispose]();
  await tiny[Symbol.asyncDispose]();
  await vision[Symbol.asyncDispose]();
  await rm(scratch, { recursive: true, force: true });
});

const inline = (png: Buffer) => ({ image: `data:image/png;base64,${png.toString("base64")}` });

async function imported(bytes: Uint8Array, suffix: string, who = key) {
  const form = new FormData();
  form.set("suffix", suffix);
  form.set("file", new File([bytes as BlobPart], "prompt.safetensors"));
  return call(who, "POST", "/v1/prompts", form);
}

const modelOf = (task: (typeof TASKS)[number]) => models.get(task)!;

/** What a predictor of this process answers. */
async function alone(stored: StoredPrompt, images: readonly Buffer[], threshold?: number) {
  const loadPrompt = async () => stored;
  const predictor = await createVisionPredictor({ backbone: vit, loadPrompt, codec: createSharpCodec() });
  const options = threshold === undefined ? {} : { threshold };
  const answers: ImageAnswer[] = await predictor.answer(
    images.map((image) => ({ image, prompt: "it" })),
    options,
  );
  await predictor.close();
  return answers;
}

describe("images on Lambda", () => {
  it("are learnt from: the container tunes, the function of their backbone evaluates", async () => {
    const listed = await call(key, "GET", "/v1/models");
    expect(listed.body.data.map(({ id }: { id: string }) => id)).toEqual(["tiny", "dinov2"]);
    const created = await call(key, "POST", "/v1/fine_tuning/jobs", {
      model: "dinov2",
      task: "detection",
      training_file: await upload(key, await zipOf("detection"), "fine-tune", "cells.zip"),
      method: { type: "head", head: { hyperparameters: { n_epochs: 2 } } },
    });
    expect([created.status, created.body.task]).toEqual([200, "detection"]);
    const job = await until(key, `/v1/fine_tuning/jobs/${created.body.id}`, "succeeded", "failed");
    expect([job.status, job.error]).toEqual(["succeeded", null]);
    const { body: prompts } = await call(key, "GET", "/v1/prompts");
    const file = await cloud!.fetch(
      new Request(`https://api.test/v1/prompts/${prompts.data[0].id}/content`, {
        headers: { authorization: `Bearer ${key}` },
      }),
    );
    const stored = await decodePrompt(new Uint8Array(await file.arrayBuffer()));
    models.set("detection", { name: job.fine_tuned_model, stored });
  }, 150_000);

  it("come with prompts from elsewhere, judged by the function of their backbone", async () => {
    for (const task of ["classification", "segmentation"] as const) {
      const { prompt } = randomImagePrompt(vit.manifest, 7, { task, method: "kv" });
      const bytes = encodePrompt(prompt, FLOATS);
      const { status, body } = await imported(bytes, task);
      expect([status, body.backbone]).toEqual([200, "dinov2"]);
      models.set(task, { name: body.model, stored: await decodePrompt(bytes) });
    }
    const refused = await imported(Buffer.from("no prompt"), "none");
    expect([refused.status, refused.body.error.code]).toEqual([400, "invalid_prompt"]);
  });

  it("are answered as by a predictor of this process, to the last bit, by bytes and by file", async () => {
    const pictures = [await pictureOf(0), await pictureOf(3)] as const;
    const file = await upload(key, pictures[1], "vision", "scan.png");
    const images = [inline(pictures[0]), { file_id: file }];

    const labels = modelOf("classification");
    const classes = await call(key, "POST", "/v1/classify", { model: labels.name, images });
    expect([classes.status, classes.body.usage?.images]).toEqual([200, 2]);
    expect(classes.body.data.map(({ scores }: { scores: object }) => scores)).toEqual(
      (await alone(labels.stored, pictures)).map((answer) =>
        answer.task === "classification"
          ? Object.fromEntries(answer.scores.map(({ label, score }) => [label, score]))
          : undefined,
      ),
    );

    const shapes = modelOf("segmentation");
    const masks = await call(key, "POST", "/v1/segment", { model: shapes.name, images });
    const maps = await alone(shapes.stored, pictures);
    for (const [at, answer] of maps.entries()) {
      if (answer.task !== "segmentation") throw new Error(answer.task);
      const mask = Buffer.from(await encodeMask(answer.map)).toString("base64");
      const row = { width: WIDTH, height: HEIGHT, mask };
      expect(masks.body.data[at]).toMatchObject(row);
    }
    for (const format of ["rle", "polygons"]) {
      const { body } = await call(key, "POST", "/v1/segment", { model: shapes.name, images, format });
      expect(body.data[0].segments.length).toBeGreaterThan(0);
    }

    const boxes = modelOf("detection");
    const found = await call(key, "POST", "/v1/detect", { model: boxes.name, images, threshold: 0 });
    const objects = (await alone(boxes.stored, pictures, 0)).map((answer) =>
      answer.task === "detection"
        ? answer.objects.map(({ label, score, box }) => ({ label, score, box: [...box] }))
        : [],
    );
    expect(objects[0]?.length).toBeGreaterThan(0);
    expect(found.body.data.map((row: { objects: object[] }) => row.objects)).toEqual(
      objects.map((all) => all.slice(0, 100)),
    );
  });

  it("are answered in batches, too", async () => {
    const { name: model } = modelOf("detection");
    const lines = [0, 1, 2].map(async (at) =>
      JSON.stringify({
        custom_id: `line-${at}`,
        method: "POST",
        url: "/v1/detect",
        body: { model, images: [inline(await pictureOf(at))], threshold: 0, max_objects: 2 },
      }),
    );
    const batch = await call(key, "POST", "/v1/batches", {
      input_file_id: await upload(key, (await Promise.all(lines)).join("\n"), "batch"),
      endpoint: "/v1/detect",
      completion_window: "24h",
    });
    const ended = await until(key, `/v1/batches/${batch.body.id}`, "completed", "failed");
    expect(ended.request_counts).toEqual({ total: 3, completed: 3, failed: 0 });
  }, 150_000);

  it("are nobody else's; a broken one is named; texts and images aren't mixed up", async () => {
    const stranger = await newTenant("Other clinic");
    const images = [inline(await pictureOf(0))];
    const { name: model } = modelOf("classification");
    expect((await call(stranger, "POST", "/v1/classify", { model, images })).status).toBe(404);
    const { body: files } = await call(key, "GET", "/v1/files?purpose=vision");
    const form = await imported(
      encodePrompt(modelOf("classification").stored.prompt, FLOATS),
      "own",
      stranger,
    );
    const theirs = await call(stranger, "POST", "/v1/classify", {
      model: form.body.model,
      images: [{ file_id: files.data[0].id }],
    });
    expect([theirs.status, theirs.body.error.param]).toEqual([404, "images.0.file_id"]);

    const broken = inline((await pictureOf(1)).subarray(0, 60));
    const cut = await call(key, "POST", "/v1/classify", { model, images: [...images, broken] });
    expect([cut.status, cut.body.error.param]).toEqual([422, "images.1.image"]);
    const texts = await call(key, "POST", "/v1/classify", { model, input: "a text" });
    expect([texts.status, texts.body.error.code]).toEqual([400, "unsupported_model"]);

    const tenant = "tn-aaaaaaaaaaaaaaaa";
    const asked = { tenant, promptId: "0".repeat(64) };
    const ofTexts = { ...asked, task: "classify", inputs: ["a"] };
    const ofImages = { ...asked, task: "detect", maxObjects: 1, images: [{ base64: "AA==", param: "x" }] };
    for (const [id, event] of [
      ["dinov2", ofTexts],
      ["tiny", ofImages],
    ] as const) {
      const { payload } = await cloud!.invoke("infer", event, id);
      expect(payload).toMatchObject({ error: { code: "wrong_input", kind: "input" } });
    }
    for (const wrong of [{ images: [] }, { images: [{ file: "../x", param: "x" }] }, { maxObjects: 0 }]) {
      const { payload } = await cloud!.invoke("infer", { ...ofImages, ...wrong }, "dinov2");
      expect(payload).toMatchObject({ error: { code: "bad_event" } });
    }
  });

  it("need sharp's layer, of the function's processor: its absence is told by name", async () => {
    const other = ARCHITECTURE === "x64" ? "arm64" : "x64";
    const rows = [
      [undefined, "expected sharp below /opt/nodejs/node_modules, saw none"],
      [other, `expected sharp for linux-${ARCHITECTURE}, saw one`],
    ] as const;
    for (const [sharp, words] of rows) {
      const which = { runtime: ARCHITECTURE, backbone: vision.bundle, ...(sharp && { sharp }) };
      await using infer = await cloud!.another("infer", { layers: await built.otherLayers(which) }, "dinov2");
      const { payload } = await infer.invoke({ task: "accept", tenant: "tn-aaaaaaaaaaaaaaaa", file: "AA==" });
      expect(payload).toMatchObject({ error: { code: "runtime_unusable", kind: "machine" } });
      expect(infer.log()).toContain(words);
      expect(infer.log()).toContain(`sharp-${ARCHITECTURE}`);
    }
  });
});
