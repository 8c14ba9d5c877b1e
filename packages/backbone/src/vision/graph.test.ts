import { mkdtemp, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import {
  type Feeds,
  float32,
  type GraphBuilder,
  openReferenceSession,
  readSafetensors,
  type Session,
  type Tensor,
  type Value,
} from "@kilotune/engine";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readHeaderOfFile } from "../bundle/checkpoint-files.ts";
import { WEIGHTS_FILE } from "../bundle/folder.ts";
import { placesIn } from "../weight-places.ts";
import type { VisionBackbone } from "./backbone.ts";
import { buildVisionBundle } from "./build.ts";
import type { ImageSize } from "./config.ts";
import type { VisionFeatures } from "./graph.ts";
import { buildVisionGraph, type ImageFeature, type TunedVisionSite, type VisionSpec } from "./graphs.ts";
import { openVisionBundle } from "./open.ts";

/** Random models of 3 layers, H = 16, N = 2, D = 8; B = 2 images, P = 2 tokens, C = 3. See goldens/make.py. */
const GOLDENS = fileURLToPath(new URL("./goldens/", import.meta.url));

/** `exactly`: on the reference interpreter too, which is slow. */
const MODELS: readonly { name: string; size: ImageSize; exactly?: true }[] = [
  { name: "vit", size: [12, 12] },
  { name: "vit-wide", size: [8, 20], exactly: true },
  { name: "mae", size: [12, 12] },
  { name: "clip", size: [12, 12] },
  { name: "dinov2", size: [16, 16] },
  { name: "dinov2-gated", size: [12, 12] },
  { name: "dinov2-registers", size: [8, 8], exactly: true },
];

const RUNTIMES = ["the reference interpreter", "ONNX Runtime"];

const SITES: readonly [name: string, site: TunedVisionSite][] = [
  ["kv-0", { kind: "kv", firstLayer: 0 }],
  ["kv-2", { kind: "kv", firstLayer: 2 }],
  ["deep-0", { kind: "deep", firstLayer: 0 }],
  ["deep-1", { kind: "deep", firstLayer: 1 }],
  ["soft", { kind: "soft" }],
  ["lora-1", { kind: "lora", firstLayer: 1 }],
];

type Open = (spec: VisionSpec) => Promise<Session>;

describe.each(MODELS)("$name, equal to PyTorch", ({ name, size, exactly }) => {
  let folder: string;
  let backbone: VisionBackbone;
  let given: ReadonlyMap<string, Tensor>;
  let wanted: ReadonlyMap<string, Tensor>;
  let opens: Record<string, { open: Open; tolerance: number }>;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-vision-"));
    const bundle = path.join(folder, "bundle");
    await buildVisionBundle(path.join(GOLDENS, name), bundle, { id: name, licence: "MIT", imageSize: size });
    backbone = (await openVisionBundle(bundle, { threads: 1 })) as VisionBackbone;
    given = await readTensors(path.join(GOLDENS, name, "given.safetensors"));
    wanted = await readTensors(path.join(GOLDENS, name, "wanted.safetensors"));
    const places = placesIn(await readHeaderOfFile(path.join(bundle, WEIGHTS_FILE)), WEIGHTS_FILE);
    const weights = await readTensors(path.join(bundle, WEIGHTS_FILE));
    const openReference: Open = async (spec) =>
      openReferenceSession(buildVisionGraph(spec, backbone.manifest.config, places), {
        weights: (weight) => weights.get(weight) as Tensor,
      });
    opens = {
      // Exact but for the graph's own float32 constants and for the sums that went into float32 weights.
      "the reference interpreter": { open: openReference, tolerance: 2e-6 },
      "ONNX Runtime": { open: (spec) => backbone.open(spec), tolerance: 1e-5 },
    };
  });

  afterAll(() => rm(folder, { recursive: true }));

  describe.each(RUNTIMES.slice(exactly ? 0 : 1))("on %s", (runtime) => {
    it.each([0, 1, 2])("features without a prompt, from layer %i", async (firstLayer) => {
      const { open, tolerance } = opens[runtime]!;
      const site = { kind: "none", firstLayer } as const;
      const all = { cls: true, patches: true, taps: [1, 2] };
      const below = await run(open, { kind: "lower", site, taps: [1, 2] }, { pixels: given.get("pixels")! });
      const above = await run(open, { kind: "upper", site, wanted: all }, { hidden: below.hidden! });
      // A tap belongs to the graph in which its layer is.
      expect([below["tap-1"] !== undefined, above["tap-1"] !== undefined]).toEqual([
        firstLayer >= 1,
        firstLayer < 1,
      ]);
      const features = { ...below, ...above };
      for (const each of ["cls", "patches", "tap-1", "tap-2"])
        expectNear(features[each], wanted, `plain/${each}`, tolerance);
      const onlyClass = await run(
        open,
        { kind: "upper", site, wanted: { cls: true } },
        { hidden: below.hidden! },
      );
      expectNear(onlyClass.cls, wanted, "plain/cls", tolerance);
    });

    it.each(SITES)("features behind the prompt %s", async (prompt, site) => {
      const { open, tolerance } = opens[runtime]!;
      const spec: VisionSpec = { kind: "upper", site, wanted: { cls: true, patches: true } };
      const features = await step(open, spec, { [site.kind]: masked(prompt) });
      expectNear(features.cls, wanted, `${prompt}/cls`, tolerance);
      expectNear(features.patches, wanted, `${prompt}/patches`, tolerance);
    });

    it.each([
      ...SITES.map(([prompt, site]) => [prompt, prompt, site, "cls"] as const),
      ["mean", "deep-0", { kind: "deep", firstLayer: 0 }, "mean"] as const,
    ])("loss and gradients: %s", async (title, prompt, site, feature: ImageFeature) => {
      const { open, tolerance } = opens[runtime]!;
      const mask = given.get(`${prompt}/dropout.prompt`);
      const results = await step(
        open,
        { kind: "tune", site, feature, dropout: mask !== undefined },
        { ...head(), [site.kind]: given.get(prompt)!, ...(mask && { "dropout.prompt": mask }) },
      );
      expectNear(results.loss, wanted, `${title}/loss`, tolerance);
      expectNear(results.logits, wanted, `${title}/logits`, tolerance);
      expectNear(results[`grad.${site.kind}`], wanted, `${title}/grad.prompt`, tolerance);
      expectNear(results["grad.prototypes"], wanted, `${title}/grad.prototypes`, tolerance);
    });

    it("one serving batch of a plain row, a late prefix, deep tokens as a prefix, and soft tokens", async () => {
      const { open, tolerance } = opens[runtime]!;
      const { kv: deep } = await run(open, { kind: "prefix", firstLayer: 0 }, { deep: given.get("deep-0")! });
      const wants = { cls: true, patches: true, taps: [1] };
      const served = await run(open, { kind: "serve", wanted: wants }, serveFeeds(deep!));
      expect(served["tap-1"]?.dims).toEqual([4, served.patches?.dims[1], 16]);
      ["plain", "kv-2", "deep-0", "soft"].forEach((prompt, row) => {
        // The first image stands in every row.
        expectNear(rowOf(served.cls, row), wanted, `${prompt}/cls`, tolerance, 0);
        expectNear(rowOf(served.patches, row), wanted, `${prompt}/patches`, tolerance, 0);
      });
    });

    it.each([0, 2])("no tokens from layer %i: the plain backbone to the last bit", async (firstLayer) => {
      const { open } = opens[runtime]!;
      const all = { cls: true, patches: true };
      const none = await step(open, { kind: "upper", site: { kind: "none", firstLayer }, wanted: all }, {});
      const kv = float32([], [3 - firstLayer, 2, 2, 0, 8]);
      const empty = await step(
        open,
        { kind: "upper", site: { kind: "kv", firstLayer }, wanted: all },
        { kv },
      );
      expect(empty.cls?.data).toEqual(none.cls?.data);
      expect(empty.patches?.data).toEqual(none.patches?.data);
    });
  });

  if (exactly)
    it("one serving batch of a plain row and one with LoRA", async () => {
      const session = await backbone.open({ kind: "serve", wanted: { cls: true }, added: "lora" });
      const { lora, lora_index } = loraFeeds();
      const prefix = await run(
        (spec) => backbone.open(spec),
        { kind: "prefix", firstLayer: 0 },
        { deep: given.get("deep-0")! },
      );
      const feeds = serveFeeds(prefix.kv!);
      const served = await session.run({
        ...feeds,
        kv_index: { ...feeds.kv_index!, data: new BigInt64Array(4) },
        soft_index: { ...feeds.soft_index!, data: new BigInt64Array(8) },
        lora,
        lora_index,
      });
      const none = float32([], [1, 3, 2, 2, 0, 16]);
      const plain = await session.run({
        ...feeds,
        lora: none,
        lora_index: { ...lora_index, data: new BigInt64Array(4) },
      });
      await session.release();
      ["plain", "lora-1", "plain", "lora-1"].forEach(
        (prompt, row) => void expectNear(rowOf(served.cls, row), wanted, `${prompt}/cls`, 1e-5, 0),
      );
      expectNear(rowOf(plain.cls, 0), wanted, "plain/cls", 1e-5, 0);
    });

  /** Factors of no change in the first place, of `lora-1` in the second. */
  function loraFeeds() {
    const late = given.get("lora-1") as Tensor;
    const size = (3 * late.data.length) / 2;
    const table = new Float32Array(2 * size);
    table.set(late.data as Float32Array, size + late.data.length / 2);
    return {
      lora: float32(table, [2, 3, 2, 2, 3, 16]),
      lora_index: { type: "int64", dims: [4], data: BigInt64Array.from([0n, 1n, 0n, 1n]) } as Tensor,
    };
  }

  if (exactly)
    it("a caller's head reads taps on both sides of the cut, with a loss and without", async () => {
      const site = { kind: "none", firstLayer: 1 } as const;
      const taps = [1, 2];
      const sum = (b: GraphBuilder, each: readonly Value[]) =>
        each.map((x) => b.op("ReduceSum", [x], { keepdims: 0 })).reduce((x, y) => b.op("Add", [x, y]));
      const answer = (b: GraphBuilder, { patches, taps: read }: VisionFeatures) =>
        sum(b, [...taps.map((tap) => read.get(tap)!), patches!]);
      const { hidden, ...below } = await run(
        (spec) => backbone.open(spec),
        { kind: "lower", site, taps },
        { pixels: given.get("pixels")! },
      );
      const answering = await backbone.openAnswering(site, {
        wanted: { patches: true, taps },
        answer: (b, features) => b.output(answer(b, features), "sum"),
      });
      const tuned = await backbone.openTuned(site, {
        wanted: { patches: true, taps },
        add(b, features) {
          b.output(b.op("Mul", [answer(b, features), b.input("factor", "float32", [])]), "loss");
          return ["factor"];
        },
      });
      const feeds = { hidden: hidden!, "tap-1": below["tap-1"]! };
      const answered = await answering.run(feeds);
      const learnt = await tuned.run({ ...feeds, factor: float32([2], []) });
      await Promise.all([answering.release(), tuned.release()]);
      const expected = ["tap-1", "tap-2", "patches"]
        .flatMap((each) => [...(wanted.get(`plain/${each}`)!.data as Float32Array)])
        .reduce((x, y) => x + y);
      expect(answered.sum!.data[0]).toBeCloseTo(expected, 3);
      expect(learnt.loss!.data[0]).toBeCloseTo(2 * expected, 3);
      expect(learnt["grad.factor"]!.data[0]).toBeCloseTo(expected, 3);
    });

  it("rows of a mixed batch have the bits that they have alone", async () => {
    const session = await backbone.open({ kind: "serve", wanted: { cls: true, patches: true } });
    const prefix = await run(
      (spec) => backbone.open(spec),
      { kind: "prefix", firstLayer: 0 },
      { deep: given.get("deep-0")! },
    );
    const mixed = serveFeeds(prefix.kv!);
    const together = await session.run(mixed);
    for (let row = 0; row < 4; row++) {
      const one = (name: string) => {
        const part = rowOf(mixed[name], row);
        return { ...part, dims: [1, ...part.dims] };
      };
      const own = { pixels: one("pixels"), soft_index: one("soft_index"), kv_index: one("kv_index") };
      const alone = await session.run({ ...mixed, ...own });
      expect(alone.cls?.data).toEqual(rowOf(together.cls, row).data);
      expect(alone.patches?.data).toEqual(rowOf(together.patches, row).data);
    }
    await session.release();
  });

  /** The prompt with its dropout, where it has one. */
  function masked(prompt: string): Tensor {
    const { dims, data } = given.get(prompt) as Tensor;
    const mask = given.get(`${prompt}/dropout.prompt`)?.data as Float32Array | undefined;
    return float32(
      (data as Float32Array).map((x, at) => x * (mask?.[at] ?? 1)),
      dims,
    );
  }

  function head(): Feeds {
    const names = ["prototypes", "scale", "targets", "weights"];
    return Object.fromEntries(names.map((each) => [each, given.get(each) as Tensor]));
  }

  /** The pixels through the lower graph of the spec's site, then through the spec with whatever else it reads. */
  async function step(open: Open, spec: Extract<VisionSpec, { kind: "upper" | "tune" }>, rest: Feeds) {
    const lower = await run(open, { kind: "lower", site: spec.site }, { pixels: given.get("pixels")! });
    return run(open, spec, { hidden: lower.hidden as Tensor, ...rest });
  }

  /** Four times the first image; prefixes 0 none, 1 `kv-2` with the layers below masked out, 2 the deep ones. */
  function serveFeeds(deep: Tensor): Feeds {
    const pixels = given.get("pixels") as Tensor;
    const image = (pixels.data as Float32Array).subarray(0, pixels.data.length / 2);
    const kv = new Float32Array(3 * 3 * LAYER);
    kv.set((given.get("kv-2") as Tensor).data as Float32Array, 1 * 3 * LAYER + 2 * LAYER);
    kv.set(Float32Array.from(deep.data as Float32Array), 2 * 3 * LAYER);
    const soft = [...new Array<number>(16).fill(0), ...((given.get("soft") as Tensor).data as Float32Array)];
    const int64 = (data: number[], dims: number[]): Tensor => ({
      type: "int64",
      dims,
      data: BigInt64Array.from(data, BigInt),
    });
    return {
      pixels: float32(Float32Array.from([0, 1, 2, 3].flatMap(() => [...image])), [
        4,
        ...pixels.dims.slice(1),
      ]),
      soft: float32(soft, [3, 16]),
      soft_index: int64([0, 0, 0, 0, 0, 0, 1, 2], [4, 2]),
      kv: float32(kv, [3, 3, 2, 2, 2, 8]),
      kv_mask: float32([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1], [3, 3, 2]),
      kv_index: int64([0, 1, 2, 0], [4]),
    };
  }
});

/** Keys and values of one layer: 2 x 2 heads x 2 tokens x 8. */
const LAYER = 64;

async function run(open: Open, spec: VisionSpec, feeds: Feeds): Promise<Record<string, Tensor>> {
  const session = await open(spec);
  const results = await session.run(feeds);
  await session.release();
  return results;
}

/** |ours - PyTorch's| / |PyTorch's|, of a whole tensor or of one of its rows. */
function expectNear(
  ours: Tensor | undefined,
  wanted: ReadonlyMap<string, Tensor>,
  name: string,
  tolerance: number,
  row?: number,
): void {
  const theirs = row === undefined ? (wanted.get(name) as Tensor) : rowOf(wanted.get(name), row);
  expect(ours?.dims).toEqual(theirs.dims);
  let [error, norm] = [0, 0];
  Array.from(theirs.data, Number).forEach((value, at) => {
    error += (Number(ours?.data[at]) - value) ** 2;
    norm += value ** 2;
  });
  expect(Math.sqrt(error / norm), name).toBeLessThan(tolerance);
}

function rowOf(tensor: Tensor | undefined, row: number): Tensor {
  const { type, dims, data } = tensor as Tensor;
  const size = data.length / (dims[0] as number);
  return { type, dims: dims.slice(1), data: (data as Float32Array).slice(row * size, (row + 1) * size) };
}

async function readTensors(file: string): Promise<ReadonlyMap<string, Tensor>> {
  return readSafetensors(new Uint8Array(await readFile(file))).tensors;
}
