import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { decodePrompt } from "@kilotune/prompt";
import { Kilotune, NotFoundError } from "@kilotune/sdk";
import sharp from "sharp";
import { afterAll, beforeAll, expect, it } from "vitest";
import { HEIGHT, pictureOf, WIDTH, zipOf } from "../toy-pictures.ts";
import { openTinyPlace, type TinyPlace } from "./tiny.ts";

/**
 * A tenant's images: a zip goes up, jobs of three tasks learn from such zips on one backbone, and what comes of them answers
 * by the SDK; another tenant meets none of it, and a deletion leaves none. The server is a process of its own that serves
 * texts too.
 */

const VIT = path.resolve(import.meta.dirname, "../../packages/backbone/src/vision/goldens/dinov2");
/** A detector's own export, 64 x 64, of random weights. */
const YOLO = path.resolve(import.meta.dirname, "../../packages/backbone/src/frozen/goldens/one-to-one.onnx");
const TASKS = ["classification", "multi_label", "segmentation", "detection"] as const;

let place: TinyPlace;
let url: string;
let own: Kilotune;
let stranger: Kilotune;
const models = new Map<string, string>();
const uploaded = new Map<string, string>();

beforeAll(async () => {
  place = await openTinyPlace();
  ({ url } = await place.start("--backbone", VIT, "--backbone", YOLO));
  const client = async (name: string) =>
    new Kilotune({ baseURL: url, apiKey: await place.newTenant(name), maxRetries: 0 });
  [own, stranger] = [await client("Clinic"), await client("Other clinic")];
}, 120_000);
afterAll(() => place[Symbol.asyncDispose]());

it("from a zip to a model of each task, on one backbone beside one of texts", async () => {
  const shared = await own.models.list();
  expect(shared.data.map(({ id }) => id)).toEqual(["tiny", "dinov2", "one-to-one"]);
  for (const task of TASKS) {
    const file = await own.files.create({
      file: new Blob([(await zipOf(task)) as BlobPart]),
      filename: `${task}.zip`,
      purpose: "fine-tune",
    });
    uploaded.set(task, file.id);
    expect((await tuned(task, task, { method: headOf(2) })).task).toBe(task);
  }
}, 300_000);

it("goes on from a model, whose prompt the new one's receipt names; of another task it is refused", async () => {
  const model = modelOf("detection");
  const made = await tuned("detection", "onwards", { method: headOf(1, { model }) });
  expect(made.hyperparameters).toMatchObject({ init: { model } });
  const { data } = await own.prompts.list();
  const idOf = (name: string) => data.find((each) => each.model === name)?.id as string;
  const file = new Uint8Array(await (await own.prompts.download(idOf(modelOf("onwards")))).arrayBuffer());
  const { prompt } = await decodePrompt(file);
  expect(prompt.manifest.receipt).toMatchObject({
    asked: { init: { prompt: idOf(model) } },
    settings: { init: "head" },
  });
  const other = { model: "dinov2", task: "segmentation", method: headOf(1, { model }) } as const;
  await expect(
    own.jobs.create({ ...other, training_file: uploaded.get("segmentation") as string }),
  ).rejects.toMatchObject({ param: "init", status: 400 });
}, 120_000);

it("a job in tiles, and one with a border on a detector's export, answer at the image's own size", async () => {
  const images = [new Blob([(await pictureOf(5)) as BlobPart], { type: "image/png" })];
  expect(await tuned("segmentation", "tiles", { method: headOf(1), tiles: true })).toMatchObject({
    tiles: true,
  });
  const [mask] = (await own.segment({ model: modelOf("tiles"), images })).data;
  expect(mask).toMatchObject({ width: WIDTH, height: HEIGHT });
  expect(mask?.classes.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 6);

  const border = { hyperparameters: { n_epochs: 2, width: 4 } };
  await tuned("detection", "border", { model: "one-to-one", method: { type: "border", border } });
  const [found] = (await own.detect({ model: modelOf("border"), images, threshold: 0, max_objects: 3 })).data;
  expect(found).toMatchObject({ width: WIDTH, height: HEIGHT });
  for (const { box } of found?.objects ?? [])
    expect([box[0] >= 0, box[1] >= 0, box[2] <= WIDTH, box[3] <= HEIGHT]).toEqual([true, true, true, true]);
}, 120_000);

type Asked = Parameters<Kilotune["jobs"]["create"]>[0];

const headOf = (epochs: number, init?: { readonly model: string }) =>
  ({ type: "head", head: { hyperparameters: { n_epochs: epochs, ...(init && { init }) } } }) as const;

/** A job on what was uploaded for a task, followed to its model, which is known by `suffix` from then on. */
async function tuned(task: (typeof TASKS)[number], suffix: string, more: Partial<Asked>) {
  const file = uploaded.get(task) as string;
  const { id } = await own.jobs.create({ model: "dinov2", task, training_file: file, suffix, ...more });
  for await (const _ of own.jobs.watch(id));
  const job = await own.jobs.get(id);
  expect(job.error).toBeNull();
  models.set(suffix, job.fine_tuned_model as string);
  return job;
}

it("answers images, by their bytes and by file, at the size that they have", async () => {
  const png = await pictureOf(0);
  const blob = new Blob([png as BlobPart], { type: "image/png" });
  const file = await own.files.create({ file: blob, filename: "scan.png", purpose: "vision" });
  const images = [blob, { file_id: file.id }];
  const classes = await own.classify({ model: modelOf("classification"), images });
  expect(classes.data.map(({ label }) => label)).toEqual(
    Array(2).fill(expect.stringMatching(/^(left|right)$/)),
  );
  expect(classes.data[0]?.scores).toEqual(classes.data[1]?.scores);
  expect(classes.usage.images).toBe(2);

  const several = (await own.classify({ model: modelOf("multi_label"), images })).data;
  expect(Object.keys(several[0]?.scores ?? {}).sort()).toEqual(["left", "low"]);
  for (const { label, score } of several[0]?.labels ?? []) expect(several[0]?.scores[label]).toBe(score);
  expect(several[0]?.labels).toEqual(several[1]?.labels);

  const model = modelOf("segmentation");
  const [mask] = (await own.segment({ model, images })).data;
  expect(mask).toMatchObject({ width: WIDTH, height: HEIGHT });
  expect(mask?.classes.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 6);
  const pixels = await sharp(Buffer.from(mask?.mask ?? "", "base64"))
    .raw()
    .toBuffer({ resolveWithObject: true });
  expect(pixels.info).toMatchObject({ width: WIDTH, height: HEIGHT });
  const [runs] = (await own.segment({ model, images, format: "rle" })).data;
  for (const { segmentation } of runs?.segments ?? [])
    expect(segmentation).toMatchObject({ size: [HEIGHT, WIDTH], counts: expect.any(String) });
  const [shapes] = (await own.segment({ model, images, format: "polygons" })).data;
  expect(shapes?.segments?.length).toBe(runs?.segments?.length);

  const found = await own.detect({
    model: modelOf("detection"),
    images: [blob],
    threshold: 0,
    max_objects: 3,
  });
  const objects = found.data[0]?.objects ?? [];
  expect(objects.length).toBeGreaterThan(0);
  expect(objects.length).toBeLessThanOrEqual(3);
  for (const { label, box } of objects) {
    expect(label).toBe("square");
    const [xmin, ymin, xmax, ymax] = box;
    expect([xmin >= 0, ymin >= 0, xmax <= WIDTH, ymax <= HEIGHT]).toEqual([true, true, true, true]);
  }
  const { data } = await own.usage();
  expect(data.find(({ model: name }) => name === model)).toMatchObject({ requests: 3, images: 6, tokens: 0 });
  const report = await own.files.list({ purpose: "fine-tune-results" });
  expect(report.data.length).toBeGreaterThan(0);
});

it("another tenant has neither the image nor the model", async () => {
  const [file] = (await own.files.list({ purpose: "vision" })).data;
  const images = [{ file_id: file?.id as string }];
  const model = modelOf("detection");
  await expect(stranger.detect({ model, images })).rejects.toBeInstanceOf(NotFoundError);
  await expect(stranger.files.content(file?.id as string)).rejects.toBeInstanceOf(NotFoundError);
  await expect(own.detect({ model: modelOf("classification"), images })).rejects.toMatchObject({
    code: "unsupported_model",
  });
});

it("a model goes to another tenant as its file, for each task, and answers there alike", async () => {
  const images = [new Blob([(await pictureOf(3)) as BlobPart], { type: "image/png" })];
  const { data } = await own.prompts.list();
  const answer = async (who: Kilotune, task: string, model: string) => {
    if (task === "segmentation") return (await who.segment({ model, images })).data;
    if (task === "detection") return (await who.detect({ model, images, threshold: 0 })).data;
    return (await who.classify({ model, images })).data;
  };
  for (const task of TASKS) {
    const prompt = data.find(({ model }) => model === modelOf(task));
    const bytes = new Uint8Array(await (await own.prompts.download(prompt?.id as string)).arrayBuffer());
    const imported = await stranger.prompts.import({ file: new Blob([bytes as BlobPart]), suffix: task });
    expect(imported).toMatchObject({ id: prompt?.id, backbone: "dinov2", bytes: bytes.length });
    expect(await answer(stranger, task, imported.model)).toEqual(await answer(own, task, modelOf(task)));

    const damaged = bytes.slice(0, -40);
    const refused = stranger.prompts.import({ file: new Blob([damaged as BlobPart]) });
    await expect(refused).rejects.toMatchObject({ code: "invalid_prompt", status: 400 });
  }
});

it("a deletion leaves no image in the folder", async () => {
  const marks = [await pictureOf(0), await pictureOf(1)].map((png) => png.subarray(-60));
  expect(await holders(marks)).not.toEqual([]);
  await own.tenant.delete();
  expect(await holders(marks)).toEqual([]);
});

function modelOf(task: string): string {
  return models.get(task) as string;
}

/** Files of the data folder that have any of these bytes. */
async function holders(marks: readonly Buffer[]): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(place.data, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath, entry.name);
    const parts: Buffer[] = [];
    for await (const part of createReadStream(file)) parts.push(part as Buffer);
    const bytes = Buffer.concat(parts);
    if (marks.some((mark) => bytes.includes(mark))) found.push(entry.name);
  }
  return found;
}
