import { mkdtemp, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import {
  cosineHead,
  crossEntropy,
  type Feeds,
  float32,
  int64,
  normalize,
  openReferenceSession,
  readSafetensors,
  type Session,
  type Tensor,
  type Value,
} from "@kilotune/engine";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Backbone } from "../backbone.ts";
import { WEIGHTS_FILE } from "../bundle/folder.ts";
import { readHeaderOfFile } from "../bundle/checkpoint-files.ts";
import { buildGraph, type GraphSpec, type TextHead, type TunedSite } from "../bundle/graphs.ts";
import { bundleOf, loadBackbone } from "../load.ts";
import { packTexts } from "../pack-texts.ts";
import { type Cut, cutOf } from "./graph.ts";
import { placesIn } from "../weight-places.ts";

/**
 * Random checkpoints as users' folders, with PyTorch's numbers. minilm-shaped: 2 layers, H = 32, N = 4, D = 8; B = 3 texts,
 * P = 3 tokens, C = 4; see ../bert/goldens/make.py. The families: H = 16, N = 2, B = 6 texts of 1 to 40 tokens, pairs among
 * them; see goldens/make.py.
 */
const GOLDENS: [name: string, checkpoint: string][] = [
  ["minilm-shaped", "../bert/goldens/tiny"],
  ...["bert", "roberta", "xlm-roberta", "distilbert", "mpnet", "modernbert"].map((name): [string, string] => [
    name,
    `goldens/${name}`,
  ]),
];

const SITES: [name: string, site: TunedSite][] = [
  ["kv-0", { kind: "kv", firstLayer: 0 }],
  ["kv-1", { kind: "kv", firstLayer: 1 }],
  ["soft", { kind: "soft" }],
];
const MORE: typeof SITES = [
  ["lora-1", { kind: "lora", firstLayer: 1 }],
  ["biases-1", { kind: "biases", firstLayer: 1 }],
  ["deep-1", { kind: "deep", firstLayer: 1 }],
];

let cache: string;

beforeAll(async () => {
  cache = await mkdtemp(path.join(os.tmpdir(), "kilotune-graph-"));
});

afterAll(() => rm(cache, { recursive: true }));

/** What is tested at the moment: one checkpoint's tests run one behind the other. */
let backbone: Backbone;
let given: ReadonlyMap<string, Tensor>;
let wanted: ReadonlyMap<string, Tensor>;
let openReference: (spec: GraphSpec) => Session;

async function openGolden(checkpoint: string): Promise<void> {
  const hub = "http://127.0.0.1:9"; // nobody listens there, and nothing has to be fetched
  const folder = fileURLToPath(new URL(checkpoint, import.meta.url));
  const numbers = new URL(
    checkpoint.endsWith("tiny") ? "../bert/goldens/" : `${checkpoint}/`,
    import.meta.url,
  );
  backbone = await loadBackbone(folder, { cache, hub, threads: 1 });
  given = await readTensors(new URL("given.safetensors", numbers));
  wanted = await readTensors(new URL("wanted.safetensors", numbers));
  const file = path.join(await bundleOf(folder, { cache, hub }), WEIGHTS_FILE);
  const header = await readHeaderOfFile(file);
  const weights = await readTensors(file);
  openReference = (spec) =>
    openReferenceSession(buildGraph(spec, backbone.manifest.config, placesIn(header, WEIGHTS_FILE)), {
      weights: (name) => weights.get(name) as Tensor,
    });
}

it("a checkpoint's folder is a backbone: its texts get the Rust tokenizers' ids", async () => {
  await openGolden("../bert/goldens/tiny");
  const texts: string[] = JSON.parse(
    await readFile(new URL("../bert/goldens/texts.json", import.meta.url), "utf8"),
  );
  const rows = texts.map((text) => backbone.tokenizer.encode(text).ids);
  const length = Math.max(...rows.map((row) => row.length));
  const { input_ids, mask, pool } = packTexts(rows, length, backbone.manifest.pooling);
  expect(input_ids).toEqual(given.get("input_ids"));
  expect(mask).toEqual(given.get("mask"));
  expect(pool).toEqual(given.get("pool"));
});

describe.each(GOLDENS)("%s", (golden, checkpoint) => {
  beforeAll(() => openGolden(checkpoint));

  if (golden !== "minilm-shaped")
    it("texts and pairs get the Rust tokenizers' ids", async () => {
      const url = new URL(`${checkpoint}/rows.json`, import.meta.url);
      const { texts, pairs, rows } = JSON.parse(await readFile(url, "utf8"));
      const { tokenizer } = backbone;
      const ours = [
        ...texts.map((text: string) => [
          [...tokenizer.encode(text).ids],
          [...tokenizer.encodePair(text, "").typeIds],
        ]),
        ...pairs.map(([first, second]: [string, string]) => {
          const { ids, typeIds } = tokenizer.encodePair(first, second);
          return [[...ids], [...typeIds]];
        }),
      ];
      rows.forEach(([ids, types]: [number[], number[]], at: number) => {
        expect(ours[at][0]).toEqual(ids);
        if (at >= texts.length) expect(ours[at][1]).toEqual(types);
      });
    });

  describe.each([
    // The interpreter is exact but for the graph's own float32 constants, 1 / sqrt(D) and those of GELU.
    { runtime: "the reference interpreter", tolerance: 1e-6, open: async (s: GraphSpec) => openReference(s) },
    { runtime: "ONNX Runtime", tolerance: 1e-5, open: (spec: GraphSpec) => backbone.open(spec) },
  ])("on $runtime, equal to PyTorch", ({ open, tolerance }) => {
    if (golden === "minilm-shaped")
      it.each([0, 1])("hidden states below layer %i", async (firstLayer) => {
        const { hidden } = await lower(open, firstLayer);
        const { hiddenSize: H } = backbone.manifest.config;
        const { data, dims } = hidden as Tensor;
        const width = dims[2] as number;
        const states = float32(
          (data as Float32Array).filter((_, at) => at % width < H),
          [...dims.slice(0, 2), H],
        );
        expect(relativeError(states, `hidden-${firstLayer}`)).toBeLessThan(tolerance);
      });

    it.each([0, 1])("vectors without a prompt, from layer %i", async (firstLayer) => {
      const { embedding } = await run(open, { kind: "upper", site: { kind: "none", firstLayer } });
      expect(relativeError(embedding, "plain/embedding")).toBeLessThan(tolerance);
    });

    // The other golden is older than these.
    const sites = golden === "minilm-shaped" ? SITES : [...SITES, ...MORE];

    it.each(sites)("vectors behind the prompt %s", async (name, site) => {
      const { embedding } = await run(open, { kind: "upper", site }, promptOf(name, site));
      expect(relativeError(embedding, `${name}/embedding`)).toBeLessThan(tolerance);
    });

    it.each(sites)("loss and gradients by the prompt %s", async (name, site) => {
      const results = await run(open, { kind: "tune", site, dropout: false }, promptOf(name, site));
      expectStep(results, name, site, tolerance);
    });

    if (golden === "minilm-shaped")
      it.each(SITES.filter(([name]) => name !== "kv-0"))("the same with dropout: %s", async (name, site) => {
        const spec: GraphSpec = { kind: "tune", site, dropout: true };
        const masks = [...given].filter(([key]) => key.startsWith(`${name}/dropout.`));
        const dropout = Object.fromEntries(masks.map(([key, mask]) => [key.slice(name.length + 1), mask]));
        const results = await run(open, spec, { ...promptOf(name, site), ...dropout });
        expectStep(results, `${name}-dropout`, site, tolerance);
      });

    it.runIf(golden !== "minilm-shaped")("deep prompts are served as the prefix that they are", async () => {
      const session = await open({ kind: "prefix", firstLayer: 1 });
      const { kv } = await session.run({ deep: given.get("deep-1") as Tensor });
      await session.release();
      const site = { kind: "kv", firstLayer: 1 } as const;
      const { embedding } = await run(open, { kind: "upper", site }, { kv: kv as Tensor });
      expect(relativeError(embedding, "deep-1/embedding")).toBeLessThan(tolerance);
    });

    it("one serving batch of a plain row, a late prefix, a prefix on all layers and soft tokens", async () => {
      const session = await open({ kind: "serve" });
      const { embedding } = await session.run(mixedFeeds());
      await session.release();
      const rows = ["plain", "kv-1", "kv-0", "soft"];
      rows.forEach((name, at) => {
        const row = MIXED_ROWS[at] as number;
        const ours = { ...(embedding as Tensor), data: rowOf(embedding, at) };
        expect(relativeError(ours, `${name}/embedding`, row)).toBeLessThan(tolerance);
      });
    });

    it.each([0, 1])(
      "no prefix tokens from layer %i: the plain backbone to the last bit",
      async (firstLayer) => {
        const none = await run(open, { kind: "upper", site: { kind: "none", firstLayer } });
        const { heads, headDim, layers } = backbone.manifest.config;
        const kv = float32([], [layers - firstLayer, 2, heads, 0, headDim]);
        const empty = await run(open, { kind: "upper", site: { kind: "kv", firstLayer } }, { kv });
        expect(empty.embedding?.data).toEqual(none.embedding?.data);
      },
    );

    // peft#54, #1093, #1212: with padding on the left a prompt stood before the padding.
    it.each(SITES)("padded on the left, the same behind the prompt %s", async (name, site) => {
      const shifted = padLeft();
      const { embedding } = await run(open, { kind: "upper", site }, promptOf(name, site), shifted);
      expect(relativeError(embedding, `${name}/embedding`)).toBeLessThan(tolerance);
    });
  });
});

/** What `tune` computes, from the tokens on. */
const ON_TOKENS: TextHead = {
  wanted: { tokens: true },
  add(b, { tokens, mask }) {
    const places = b.op("Unsqueeze", [mask, b.ints([1])]);
    const sums = b.op("Squeeze", [b.op("MatMul", [places, tokens as Value]), b.ints([1])]);
    const prototypes = b.input("prototypes", "float32", ["C", backbone.manifest.config.hiddenSize]);
    const logits = cosineHead(b, normalize(b, sums), prototypes, b.input("scale", "float32", []));
    const targets = b.input("targets", "float32", ["B", "C"]);
    b.output(crossEntropy(b, logits, targets, b.input("weights", "float32", ["B"])), "loss");
    b.output(logits, "logits");
    return ["prototypes"];
  },
};

it.each(SITES)(
  "a head of the caller's on tokens, by the prompt %s, has PyTorch's gradients",
  async (name, site) => {
    const spec: GraphSpec = { kind: "tune", site, dropout: false };
    const open: Open = (asked) =>
      asked === spec ? backbone.openTuned(site, ON_TOKENS) : backbone.open(asked);
    expectStep(await run(open, spec, promptOf(name, site)), name, site, 1e-5);
  },
);

it("a head alone learns without a prompt's gradient, from unit vectors and from those before", async () => {
  await openGolden("../bert/goldens/tiny");
  const head: TextHead = {
    wanted: { embedding: true, pooled: true },
    add(b, { embedding, pooled }) {
      const weight = b.input("weight", "float32", [backbone.manifest.config.hiddenSize]);
      const cosine = b.op("ReduceSum", [b.op("Mul", [embedding as Value, normalize(b, pooled as Value)])], {
        keepdims: 0,
      });
      b.output(cosine, "rows");
      b.output(b.op("ReduceSum", [b.op("Mul", [pooled as Value, weight])], { keepdims: 0 }), "loss");
      return ["weight"];
    },
  };
  const site = { kind: "none", firstLayer: 1 } as const;
  const session = await backbone.openTuned(site, head);
  expect(session.outputNames).toEqual(["rows", "loss", "grad.weight"]);
  const { hidden } = await lower((spec) => backbone.open(spec), 1);
  const { hiddenSize: H } = backbone.manifest.config;
  const weight = float32(new Float32Array(H).fill(1), [H]);
  const feeds = {
    hidden: hidden as Tensor,
    mask: given.get("mask") as Tensor,
    pool: given.get("pool") as Tensor,
    weight,
  };
  const results = await session.run(feeds);
  await session.release();
  expect(results.rows?.data[0]).toBeCloseTo(feeds.mask.dims[0] as number, 5);
  const gradient = results["grad.weight"]?.data as Float32Array;
  expect(gradient.reduce((sum, each) => sum + each, 0)).toBeCloseTo(results.loss?.data[0] as number, 4);
});

type Open = (spec: GraphSpec) => Promise<Session>;

/** Texts through the lower graph, then through `spec` with whatever else it reads. */
async function run(
  open: Open,
  spec: Exclude<GraphSpec, { kind: "serve" | "lower" | "keys" | "prefix" | "whole" }>,
  prompt: Feeds = {},
  texts: Feeds = textFeeds(),
): Promise<Record<string, Tensor>> {
  const { site } = spec;
  const { hidden } = await lower(open, site.kind === "soft" ? 0 : site.firstLayer, texts, cutOf(site));
  const head = spec.kind === "tune" ? HEAD : [];
  const feeds = Object.fromEntries(head.map((name) => [name, given.get(name) as Tensor]));
  const session = await open(spec);
  const { mask, pool } = texts;
  const results = await session.run({ hidden, mask, pool, ...feeds, ...prompt } as Feeds);
  await session.release();
  return results;
}

const HEAD = ["prototypes", "scale", "targets", "weights"];

async function lower(
  open: Open,
  firstLayer: number,
  texts = textFeeds(),
  cut?: Cut,
): Promise<Record<string, Tensor>> {
  const session = await open({ kind: "lower", firstLayer, ...(cut && { cut }) });
  const { pool: _, ...feeds } = texts;
  const results = await session.run(feeds);
  await session.release();
  return results;
}

function textFeeds(): Feeds {
  const input_ids = given.get("input_ids") as Tensor;
  const [B, S] = input_ids.dims as [number, number];
  const positions = int64(
    Array.from({ length: B * S }, (_, at) => at % S),
    [B, S],
  );
  const token_types = given.get("token_types") ?? int64(new BigInt64Array(B * S), [B, S]);
  return {
    input_ids,
    positions,
    token_types,
    mask: given.get("mask") as Tensor,
    pool: given.get("pool") as Tensor,
  };
}

/** The same with each row's padding in front of it. */
function padLeft(): Feeds {
  return Object.fromEntries(
    Object.entries(textFeeds()).map(([name, tensor]) => {
      const [rows, width] = tensor.dims as [number, number];
      const data = tensor.data.slice() as Float32Array;
      for (let row = 0; row < rows; row++) {
        const padding = width - idsOf(row).length;
        const own = (tensor.data as Float32Array).subarray(row * width, (row + 1) * width);
        data.set(own.subarray(width - padding), row * width);
        data.set(own.subarray(0, width - padding), row * width + padding);
      }
      return [name, { ...tensor, data }];
    }),
  );
}

function promptOf(name: string, site: TunedSite): Feeds {
  return { [site.kind]: given.get(name) as Tensor };
}

function expectStep(
  results: Readonly<Record<string, Tensor>>,
  name: string,
  site: TunedSite,
  tolerance: number,
): void {
  expect(relativeError(results.loss, `${name}/loss`)).toBeLessThan(tolerance);
  expect(relativeError(results.logits, `${name}/logits`)).toBeLessThan(tolerance);
  expect(relativeError(results[`grad.${site.kind}`], `${name}/grad.prompt`)).toBeLessThan(tolerance);
  expect(relativeError(results["grad.prototypes"], `${name}/grad.prototypes`)).toBeLessThan(tolerance);
}

/** Which text each row of the mixed batch is. */
const MIXED_ROWS = [0, 1, 2, 0];

/**
 * Feeds of the serving graph. Table rows of prefixes: 0 empty, 1 `kv-1` with layer 0 masked out, 2 `kv-0`. Soft vectors:
 * 0 unused, 1.. the tokens.
 */
function mixedFeeds(): Feeds {
  const { config, pooling } = backbone.manifest;
  const P = 3;
  const layerSize = 2 * config.heads * P * config.headDim;
  const kv = new Float32Array(3 * config.layers * layerSize);
  kv.set((given.get("kv-1") as Tensor).data as Float32Array, (config.layers + 1) * layerSize);
  kv.set((given.get("kv-0") as Tensor).data as Float32Array, 2 * config.layers * layerSize);
  const L = config.layers;
  const seen = Array.from({ length: 3 * L }, (_, at) => Number(at > L)); // of each table row's layers
  const soft = new Float32Array((P + 1) * config.hiddenSize);
  soft.set((given.get("soft") as Tensor).data as Float32Array, config.hiddenSize);
  const texts = MIXED_ROWS.map(idsOf);
  const length = Math.max(...texts.map((ids) => ids.length)) + P;
  const softIndex = new BigInt64Array(texts.length * length);
  for (let token = 0; token < P; token++) softIndex[3 * length + token] = BigInt(token + 1);
  return {
    ...packTexts(texts, length, pooling, [{}, {}, {}, { start: P }]),
    soft: float32(soft, [P + 1, config.hiddenSize]),
    soft_index: int64(softIndex, [texts.length, length]),
    kv: float32(kv, [3, config.layers, 2, config.heads, P, config.headDim]),
    kv_mask: float32(
      seen.flatMap((bit) => Array<number>(P).fill(bit)),
      [3, config.layers, P],
    ),
    kv_index: int64([0, 1, 2, 0], [4]),
  };
}

function idsOf(row: number): Int32Array {
  const tokens = rowOf(given.get("mask"), row).reduce((sum, seen) => sum + seen, 0);
  const { dims, data } = given.get("input_ids") as Tensor;
  const width = dims[1] as number;
  return Int32Array.from({ length: tokens }, (_, at) => Number(data[row * width + at]));
}

function rowOf(tensor: Tensor | undefined, row: number): Float64Array {
  const { dims, data } = tensor as Tensor;
  const width = dims[1] as number;
  return Float64Array.from(data.subarray(row * width, (row + 1) * width) as Float32Array);
}

/** |ours - PyTorch's| / |PyTorch's|, of a whole tensor or of one of its rows. */
function relativeError(ours: Tensor | undefined, name: string, row?: number): number {
  const theirs = wanted.get(name) as Tensor;
  const expected = row === undefined ? (theirs.data as Float64Array) : rowOf(theirs, row);
  if (row === undefined) expect(ours?.dims).toEqual(theirs.dims);
  let error = 0;
  let norm = 0;
  expected.forEach((value, at) => {
    error += (Number(ours?.data[at]) - value) ** 2;
    norm += value ** 2;
  });
  return Math.sqrt(error / norm);
}

async function readTensors(file: URL | string): Promise<ReadonlyMap<string, Tensor>> {
  return readSafetensors(new Uint8Array(await readFile(file))).tensors;
}
