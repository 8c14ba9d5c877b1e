import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import {
  type Feeds,
  float32,
  int64,
  openReferenceSession,
  type Session,
  type Tensor,
} from "@kilotune/engine";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Backbone } from "../backbone.ts";
import { buildGraph, type GraphSpec } from "../bundle/graphs.ts";
import { type AdditionKind, additionDims } from "../encoder/additions.ts";
import { packTexts } from "../pack-texts.ts";
import { randomNumbers } from "../testing.ts";
import type { placesIn } from "../weight-places.ts";
import { openGolden } from "./testing.ts";

const RANK = 2;
const ROWS = [Int32Array.of(2, 7, 5, 9, 3), Int32Array.of(2, 6, 3)];

let cache: string;
beforeAll(async () => {
  cache = await mkdtemp(path.join(os.tmpdir(), "kilotune-additions-"));
});
afterAll(() => rm(cache, { recursive: true }));

// Absolute positions, rotary ones (queries are turned behind the product), norms in front, a gated MLP, no biases of its own.
const CASES: [kind: AdditionKind, family: string][] = [
  ["lora", "bert"],
  ["lora", "modernbert"],
  ["biases", "bert"],
  ["biases", "modernbert"],
];

describe.each(CASES)("%s in a %s", (kind, family) => {
  let backbone: Backbone;
  let weights: Map<string, Tensor>;
  let places: ReturnType<typeof placesIn>;

  beforeAll(async () => {
    ({ backbone, weights, places } = await openGolden(family, cache));
  });

  const reference = (spec: GraphSpec, own: ReadonlyMap<string, Tensor> = weights) =>
    openReferenceSession(buildGraph(spec, backbone.manifest.config, places), {
      weights: (name) => own.get(name) as Tensor,
    });

  const drawn = (firstLayer: number, seed: number) => {
    const random = randomNumbers(seed);
    const dims = additionDims(kind, backbone.manifest.config, firstLayer, RANK) as number[];
    return float32(
      Float32Array.from({ length: dims.reduce((a, b) => a * b) }, () => 0.2 * (random() - 0.5)),
      dims,
    );
  };

  const merged = (prompt: Tensor, firstLayer: number) => {
    const data = prompt.data as Float32Array;
    return kind === "lora" ? withProducts(data, firstLayer) : withBiases(data, firstLayer);
  };

  /** W + (A^T B)^T, of queries and values of the layers from `firstLayer` on. */
  const withProducts = (data: Float32Array, firstLayer: number) => {
    const { hiddenSize: H, layers } = backbone.manifest.config;
    const all = new Map(weights);
    for (let layer = firstLayer; layer < layers; layer++)
      ["query", "value"].forEach((of, which) => {
        const name = `layer.${layer}.attention.${of}.weight`;
        const sum = Float32Array.from((weights.get(name) as Tensor).data as Float32Array);
        const at = ((layer - firstLayer) * 2 + which) * 2 * RANK * H;
        for (let r = 0; r < RANK; r++)
          for (let to = 0; to < H; to++)
            for (let from = 0; from < H; from++)
              sum[to * H + from]! += data[at + r * H + from]! * data[at + (RANK + r) * H + to]!;
        all.set(name, { ...(weights.get(name) as Tensor), data: sum });
      });
    return all;
  };

  /** Each number is added to a bias of the layers from `firstLayer` on, the last ones to that of the last norm. */
  const withBiases = (data: Float32Array, firstLayer: number) => {
    const { layers, norms } = backbone.manifest.config;
    const all = new Map(weights);
    let at = 0;
    const add = (name: string) => {
      const bias = weights.get(`${name}.bias`) as Tensor;
      const sum = Float32Array.from(bias.data as Float32Array, (value) => value + data[at++]!);
      all.set(`${name}.bias`, { ...bias, data: sum });
    };
    for (let layer = firstLayer; layer < layers; layer++)
      for (const part of ["attention.query", "attention.output", "intermediate", "output"])
        add(`layer.${layer}.${part}`);
    add(norms === "in front" ? "norm" : `layer.${layers - 1}.norm`);
    expect(at).toBe(data.length);
    return all;
  };

  const texts = () => packTexts(ROWS, 6, backbone.manifest.pooling);

  async function upper(open: (spec: GraphSpec) => Promise<Session>, firstLayer: number, prompt: Tensor) {
    const { pool, ...feeds } = texts();
    const lower = await open({ kind: "lower", firstLayer, cut: "in front" });
    const { hidden } = await lower.run(feeds);
    await lower.release();
    const session = await open({ kind: "upper", site: { kind, firstLayer } });
    const { embedding } = await session.run({
      hidden: hidden as Tensor,
      mask: feeds.mask,
      pool,
      [kind]: prompt,
    });
    await session.release();
    return embedding as Tensor;
  }

  /** The plain serving graph on weights that hold the products: what each row's vector is to be. */
  async function wanted(prompt: Tensor, firstLayer: number) {
    const session = reference({ kind: "serve" }, merged(prompt, firstLayer));
    return (await session.run({ ...texts(), ...noPrompts(backbone) })).embedding as Tensor;
  }

  // From a later layer on: see graph.test.ts, against PyTorch.
  it("from the first layer on give what merged weights give", async () => {
    const prompt = drawn(0, 1);
    const expected = await wanted(prompt, 0);
    const inReference = await upper(async (spec) => reference(spec), 0, prompt);
    expect(distance(inReference, expected)).toBeLessThan(1e-6);
    const onRuntime = await upper((spec) => backbone.open(spec), 0, prompt);
    expect(distance(onRuntime, expected)).toBeLessThan(1e-5);
    const plain = await reference({ kind: "serve" }).run({ ...texts(), ...noPrompts(backbone) });
    expect(distance(plain.embedding as Tensor, expected)).toBeGreaterThan(1e-3);
  });

  it("that are zeros are the plain backbone above the same cut, bit for bit", async () => {
    const { pool, ...feeds } = texts();
    const lower = await backbone.open({ kind: "lower", firstLayer: 1, cut: "in front" });
    const { hidden } = await lower.run(feeds);
    await lower.release();
    const site = { kind: "none", firstLayer: 1, cut: "in front" } as const;
    const session = await backbone.open({ kind: "upper", site });
    const { embedding } = await session.run({ hidden: hidden as Tensor, mask: feeds.mask, pool });
    await session.release();
    const { dims } = drawn(1, 1);
    const zeros = float32(new Float32Array(dims.reduce((a, b) => a * b)), dims);
    const seen = await upper((spec) => backbone.open(spec), 1, zeros);
    expect(seen.data).toEqual((embedding as Tensor).data);
  });

  it("are served a row at a time: of two prompts, and zeros for none", async () => {
    const [a, b] = [drawn(0, 1), drawn(1, 2)];
    const each = a.data.length;
    const table = new Float32Array(3 * each);
    table.set(a.data as Float32Array, each);
    table.set(b.data as Float32Array, 3 * each - b.data.length);
    const rows = [ROWS[0]!, ROWS[0]!, ROWS[0]!];
    const session = await backbone.open({ kind: "serve", added: kind });
    const { embedding } = await session.run({
      ...packTexts(rows, 6, backbone.manifest.pooling),
      ...noPrompts(backbone, rows.length),
      [kind]: float32(table, [3, ...a.dims]),
      [`${kind}_index`]: int64([1, 0, 2], [3]),
    });
    await session.release();
    const plain = await backbone.open({ kind: "serve" });
    const bare = (await plain.run({ ...texts(), ...noPrompts(backbone) })).embedding as Tensor;
    await plain.release();
    const expected = [await wanted(a, 0), bare, await wanted(b, 1)];
    expected.forEach((each, at) => {
      expect(distance(rowOf(embedding as Tensor, at), rowOf(each, 0)), `row ${at}`).toBeLessThan(1e-5);
    });
  });
});

it("biases stand for those that they leave out: of keys, values and norms", async () => {
  const { backbone, weights, places } = await openGolden("bert", cache);
  const { config, pooling } = backbone.manifest;
  const { layers: L, hiddenSize: H, intermediateSize: I } = config;
  const random = randomNumbers(4);
  const drawn = () => Float64Array.from({ length: H }, () => random() - 0.5);
  const total = Array.from({ length: L }, () => ({
    "attention.query": new Float64Array(H),
    "attention.output": new Float64Array(H),
    intermediate: new Float64Array(I),
    output: new Float64Array(H),
  }));
  const behind = new Float64Array(H);
  const plus = (sum: Float64Array | undefined, more: Float64Array) =>
    more.forEach((value, at) => {
      if (sum !== undefined) sum[at]! += value;
    });
  /** W x */
  const times = (name: string, x: Float64Array) => {
    const { data, dims } = weights.get(`${name}.weight`) as Tensor;
    return Float64Array.from({ length: dims[0] as number }, (_, row) =>
      x.reduce((sum, value, at) => sum + value * ((data as Float32Array)[row * x.length + at] as number), 0),
    );
  };
  const changed = new Map(weights);
  const add = (name: string, more: Float64Array) => {
    const { data, ...rest } = weights.get(`${name}.bias`) as Tensor;
    changed.set(`${name}.bias`, {
      ...rest,
      data: Float32Array.from(data as Float32Array, (x, at) => x + more[at]!),
    } as Tensor);
  };
  /** What a layer reads moves: its queries, its values, and the sum that goes on beside it. */
  const below = (layer: number, more: Float64Array) => {
    const name = `layer.${layer}.attention`;
    plus(total[layer]?.["attention.query"], times(`${name}.query`, more));
    plus(total[layer]?.["attention.output"], times(`${name}.output`, times(`${name}.value`, more)));
    plus(total[layer]?.["attention.output"], more);
  };
  for (let layer = 0; layer < L; layer++) {
    const name = `layer.${layer}`;
    const [key, value, inner, outer] = [drawn(), drawn(), drawn(), drawn()];
    add(`${name}.attention.key`, key);
    add(`${name}.attention.value`, value);
    plus(total[layer]?.["attention.output"], times(`${name}.attention.output`, value));
    add(`${name}.attention.norm`, inner);
    plus(total[layer]?.intermediate, times(`${name}.intermediate`, inner));
    plus(total[layer]?.output, inner);
    add(`${name}.norm`, outer);
    if (layer + 1 < L) below(layer + 1, outer);
    else plus(behind, outer);
  }
  const first = drawn();
  add("embeddings.norm", first);
  below(0, first);
  const numbers = [
    ...total.flatMap((each) => [
      ...each["attention.query"],
      ...each["attention.output"],
      ...each.intermediate,
      ...each.output,
    ]),
    ...behind,
  ];
  const open = (spec: GraphSpec, own: ReadonlyMap<string, Tensor>) =>
    openReferenceSession(buildGraph(spec, config, places), { weights: (name) => own.get(name) as Tensor });
  const feeds = { ...packTexts(ROWS, 6, pooling), ...noPrompts(backbone) };
  const wanted = await open({ kind: "serve" }, changed).run(feeds);
  const seen = await open({ kind: "serve", added: "biases" }, weights).run({
    ...feeds,
    biases: float32(numbers, [1, numbers.length]),
    biases_index: int64([0, 0], [2]),
  });
  expect(distance(seen.embedding as Tensor, wanted.embedding as Tensor)).toBeLessThan(1e-5);
});

/** Of the other sites, that nothing is asked of: one empty prefix, no soft vector. */
function noPrompts({ manifest: { config } }: Backbone, rows = ROWS.length): Feeds {
  const { layers: L, heads: N, headDim: D, hiddenSize: H } = config;
  return {
    soft: float32(new Float32Array(H), [1, H]),
    soft_index: int64(new BigInt64Array(rows * 6), [rows, 6]),
    kv: float32(new Float32Array(L * 2 * N * D), [1, L, 2, N, 1, D]),
    kv_mask: float32(new Float32Array(L), [1, L, 1]),
    kv_index: int64(new BigInt64Array(rows), [rows]),
  };
}

function rowOf(tensor: Tensor, row: number): Tensor {
  const width = tensor.dims[1] as number;
  return {
    ...tensor,
    data: (tensor.data as Float32Array).slice(row * width, (row + 1) * width),
    dims: [1, width],
  };
}

/** Largest difference of two tensors' numbers. */
function distance(a: Tensor, b: Tensor): number {
  expect(a.data.length).toBe(b.data.length);
  const [ours, theirs] = [a.data, b.data] as [Float32Array, Float32Array];
  return ours.reduce((most, value, at) => Math.max(most, Math.abs(value - theirs[at]!)), 0);
}
