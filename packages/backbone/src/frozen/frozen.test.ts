import { mkdtemp, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { decodeOnnx, float32, readSafetensors, type Tensor, type Value } from "@kilotune/engine";
import { openNodeSession } from "@kilotune/engine/node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { methodsOfBackbone } from "../describe.ts";
import { type FrozenBackbone, type FrozenHead, openFrozenBundle } from "./backbone.ts";
import { importFrozen } from "./import-frozen.ts";

/** Random detectors shaped as YOLO's, 64 x 64 pixels, and PyTorch's numbers. See goldens/make.py. */
const GOLDENS = fileURLToPath(new URL("./goldens/", import.meta.url));

/** Prompts of the goldens: a border of 6 pixels, and channels of a stage of the backbone and of two of the neck. */
const SITES = { border: 6, stages: ["C4", "P3", "P5"] };
const PROMPTS = ["border", ...SITES.stages.flatMap((stage) => [`scale.${stage}`, `shift.${stage}`])];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-frozen-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe.each([
  { name: "one-to-one", leftOut: [] },
  { name: "with-nms", leftOut: ["NonMaxSuppression"] },
])("$name", ({ name, leftOut }) => {
  const file = path.join(GOLDENS, `${name}.onnx`);
  let backbone: FrozenBackbone;
  let numbers: ReadonlyMap<string, Tensor>;

  beforeAll(async () => {
    const bundle = path.join(folder, name);
    await importFrozen(file, bundle, { id: name, licence: "MIT" });
    backbone = (await openFrozenBundle(bundle, { threads: 1 })) as FrozenBackbone;
    numbers = readSafetensors(
      new Uint8Array(await readFile(path.join(GOLDENS, `${name}.safetensors`))),
    ).tensors;
  });

  it("has its levels found, and says what was left out", () => {
    const { stages, leftOut: seen } = backbone.manifest;
    expect(seen).toEqual(leftOut);
    expect(stages).toMatchObject([
      { name: "P2", channels: 4, stride: 4 },
      { name: "C3", channels: 8, stride: 8 },
      { name: "P3", channels: 8, stride: 8 },
      { name: "C4", channels: 8, stride: 16 },
      { name: "P4", channels: 8, stride: 16 },
      { name: "C5", channels: 16, stride: 32 },
      { name: "P5", channels: 16, stride: 32 },
    ]);
  });

  if (leftOut.length === 0)
    it("gives without a prompt what ONNX Runtime gives of the original file", async () => {
      const original = await openNodeSession(file, { threads: 1 });
      const pixels = numbers.get("pixels") as Tensor;
      const theirs = await original.run({ images: pixels });
      await original.release();
      const [output] = backbone.manifest.outputs as [string];
      const session = await backbone.open({}, { outputs: [output] });
      const ours = await session.run({ pixels });
      await session.release();
      expect(ours[output]?.dims).toEqual([1, 10, 7]);
      expect(relativeError(ours[output], theirs[output])).toBeLessThan(1e-5);
    });

  it("has PyTorch's features, plain and prompted, each row with a prompt of its own", async () => {
    const session = await backbone.open(SITES, { stages: ["P3", "P4", "P5"] });
    const twice = (tensor: Tensor, first: boolean) => {
      const zeros = new Float32Array(tensor.data.length);
      const data = [...(first ? zeros : (tensor.data as Float32Array)), ...(tensor.data as Float32Array)];
      return float32(data, [2, ...(first ? tensor.dims : tensor.dims.slice(1))]);
    };
    const prompts = PROMPTS.map((each) => [each, twice(numbers.get(each) as Tensor, true)]);
    const pixels = twice(numbers.get("pixels") as Tensor, false);
    const features = await session.run({ pixels, ...Object.fromEntries(prompts) });
    await session.release();
    for (const stage of ["P3", "P4", "P5"]) {
      const { data } = features[stage] as Tensor;
      const rows = [0, 1].map((row) =>
        (data as Float32Array).slice((row * data.length) / 2, ((row + 1) * data.length) / 2),
      );
      expect(relativeError({ data: rows[0]! }, numbers.get(`plain.${stage}`))).toBeLessThan(1e-5);
      expect(relativeError({ data: rows[1]! }, numbers.get(`wanted.${stage}`))).toBeLessThan(1e-5);
    }
  });

  it("has PyTorch's loss and gradients of every prompt", async () => {
    const session = await backbone.openTuned(SITES, weighted);
    const names = ["pixels", ...PROMPTS, "weight.P3", "weight.P4", "weight.P5"];
    const feeds = Object.fromEntries(names.map((each) => [each, numbers.get(each) as Tensor]));
    const results = await session.run(feeds);
    await session.release();
    expect(relativeError(results.loss, numbers.get("loss"))).toBeLessThan(1e-4);
    for (const prompt of PROMPTS)
      expect(relativeError(results[`grad.${prompt}`], numbers.get(`grad.${prompt}`)), prompt).toBeLessThan(
        1e-4,
      );
  });

  it("gives the same in two halves, of which the lower is computed once", async () => {
    const sites = { stages: ["P3", "P5"] };
    const prompts = PROMPTS.filter((each) => each.endsWith("P3") || each.endsWith("P5"));
    const feeds = (names: readonly string[]) =>
      Object.fromEntries(names.map((each) => [each, numbers.get(each) as Tensor]));
    const head = feeds([...prompts, "weight.P3", "weight.P4", "weight.P5"]);
    const whole = await backbone.openTuned(sites, weighted);
    const wanted = await whole.run({ ...feeds(["pixels"]), ...head });
    const halves = await backbone.openHalves(sites, ["P3", "P4", "P5"], weighted);
    const below = await halves.lower.run(feeds(["pixels"]));
    expect(Object.keys(below).length).toBeGreaterThan(1);
    const seen = await halves.tune.run({ ...below, ...head });
    await Promise.all([whole, halves.lower, halves.tune].map((session) => session.release()));
    for (const result of ["loss", ...prompts.map((each) => `grad.${each}`)])
      expect(relativeError(seen[result], wanted[result]), result).toBeLessThan(1e-5);
    await expect(backbone.openHalves({ border: 2 }, [], weighted)).rejects.toMatchObject({
      code: "bad_site",
    });
  });

  it("refuses a stage, an output and a border that it hasn't", async () => {
    await expect(backbone.open({ stages: ["P9"] }, {})).rejects.toMatchObject({ code: "bad_site" });
    await expect(backbone.open({}, { outputs: ["boxes"] })).rejects.toMatchObject({ code: "bad_site" });
    await expect(backbone.open({ border: 33 }, {})).rejects.toThrow(
      "room for a border of 1 to 32 pixels; seen: 33",
    );
  });
});

describe.each([
  { name: "ultralytics-11", output: [1, 84, 8400], leftOut: [] },
  { name: "ultralytics-26", output: [1, 300, 6], leftOut: ["Tile", "Mod"] },
])("a graph shaped as Ultralytics exports it, $name", ({ name, output, leftOut }) => {
  const file = path.join(GOLDENS, `${name}.onnx`);

  it("is recognised: levels, image, classes and licence of its own", async () => {
    const original = decodeOnnx(new Uint8Array(await readFile(file)), { onUnknown: () => {} });
    const bundle = path.join(folder, name);
    await importFrozen(file, bundle, { id: name, licence: "unknown" });
    const { manifest } = (await openFrozenBundle(bundle, { threads: 1 })) as FrozenBackbone;
    expect(manifest.leftOut).toEqual(leftOut);
    if (leftOut.length === 0) expect(original.outputs).toMatchObject([{ name: "output0", shape: output }]);
    expect(manifest).toMatchObject({
      licence: "AGPL-3.0 License (https://ultralytics.com/license)",
      exporter: { task: "detect", classes: { length: 80, 6: "thing 6", 7: "baker's van", 8: 'a "sign"' } },
      preprocessing: { width: 640, height: 640, fit: { kind: "letterbox" }, background: [114, 114, 114] },
    });
    expect(manifest.stages.map((stage) => [stage.name, stage.stride])).toEqual([
      ["P2", 4],
      ["C3", 8],
      ["P3", 8],
      ["C4", 16],
      ["P4", 16],
      ["C5", 32],
      ["P5", 32],
    ]);
    const vision = (await openFrozenBundle(bundle, { threads: 1 }))!.asVision();
    expect(methodsOfBackbone(vision.manifest)).toEqual(["channels", "border", "head"]);
    expect(vision.manifest.config).toMatchObject({ patchSize: 16, hiddenSize: 4 * 4 + 4 + 4, stages: 6 });
  });
});

it("a transformer whose blocks weren't recognised: a border on its input has a gradient", async () => {
  const bundle = path.join(folder, "post-norm");
  const file = fileURLToPath(new URL("../onnx/goldens/no-post-norm.onnx", import.meta.url));
  await importFrozen(file, bundle, { id: "post-norm", licence: "MIT" });
  const backbone = (await openFrozenBundle(bundle, { threads: 1 })) as FrozenBackbone;
  const vision = backbone.asVision().manifest;
  expect(methodsOfBackbone(vision)).toEqual(["border", "head"]);
  expect(vision.config).toMatchObject({ patchSize: 4, hiddenSize: 16, hasClassToken: false, channels: 0 });
  const [output] = backbone.manifest.outputs as [string];
  const session = await backbone.openTuned({ border: 2 }, (b, { outputs }) => {
    const tokens = outputs.get(output) as Value;
    const squares = b.op("Mul", [tokens, b.op("Mul", [tokens, tokens])]);
    b.output(b.op("ReduceSum", [squares], { keepdims: 0 }), "loss");
    return [];
  });
  const pixels = float32(
    Float32Array.from({ length: 432 }, (_, at) => Math.sin(at * at)),
    [1, 3, 12, 12],
  );
  const border = float32(new Float32Array(3 * 80), [3, 80]);
  const lossAt = async (data: Float32Array) =>
    Number((await session.run({ pixels, border: { ...border, data } })).loss?.data[0]);
  const results = await session.run({ pixels, border });
  const gradient = results["grad.border"]?.data as Float32Array;
  const length = Math.hypot(...gradient);
  const step = 0.01;
  const [up, down] = [
    await lossAt(gradient.map((g) => (step * g) / length)),
    await lossAt(gradient.map((g) => (-step * g) / length)),
  ];
  await session.release();
  expect(Math.abs((up - down) / (2 * step) / length - 1)).toBeLessThan(1e-2);
});

/** loss = the sum of all stages, each number with a weight of its own. */
const weighted: FrozenHead = (b, { stages }) => {
  const terms = ["P3", "P4", "P5"].map((name) => {
    const stage = stages.get(name) as Value;
    const product = b.op("Mul", [stage, b.input(`weight.${name}`, "float32", stage.shape)]);
    return b.op("ReduceSum", [product], { keepdims: 0 });
  });
  b.output(
    terms.reduce((sum, term) => b.op("Add", [sum, term])),
    "loss",
  );
  return [];
};

function relativeError(ours: Pick<Tensor, "data"> | undefined, theirs: Tensor | undefined): number {
  expect(ours?.data.length).toBe(theirs?.data.length);
  let [error, norm] = [0, 0];
  theirs?.data.forEach((value, at) => {
    error += (Number(ours?.data[at]) - Number(value)) ** 2;
    norm += Number(value) ** 2;
  });
  return Math.sqrt(error / norm);
}
