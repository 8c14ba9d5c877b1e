import {
  type Backbone,
  bundleFolder,
  cacheFolder,
  cutOf,
  openBundle,
  packTexts,
  type UpperSite,
} from "@kilotune/backbone";
import { type Feeds, float32 } from "@kilotune/engine";
import { describe, expect, it } from "vitest";
import { logitsOf, readyHead } from "../heads.ts";
import { sequenceBucket } from "./buckets.ts";
import { createPredictor } from "./predictor.ts";
import { type PromptShape, randomNumbers, randomPrompt, textOf, tinyBackbone } from "./testing.ts";
import { verifyIsolation } from "../verify-isolation.ts";

/** Real weights where they are in the cache already; tests fetch nothing. */
const openMinilm = (threads: number) =>
  openBundle(bundleFolder(cacheFolder(process.env), "minilm-l6"), { threads });
const hasMinilm = (await openMinilm(1)) !== undefined;

const THREADS = [1, 2, 3];

describe.each(THREADS)("rows on %i threads, tiny backbone", (threads) => {
  it("are bit-equal alone and in 120 mixed batches, texts of 1 to 300 words (known faults 14, 32 and 33)", async () => {
    await using tiny = await tinyBackbone({ threads });
    const report = await mix(tiny.backbone, { seed: threads, batches: 120, longest: 300, maxRows: 32 });
    expect(report).toMatchObject({ differing: 0, differences: [] });
  });
});

describe.skipIf(!hasMinilm).each(THREADS.slice(0, 2))("rows on %i threads, minilm-l6", (threads) => {
  it("are bit-equal alone and in 40 mixed batches", async () => {
    const backbone = (await openMinilm(threads))!;
    const report = await mix(backbone, { seed: threads, batches: 40, longest: 60, maxRows: 12 });
    expect(report).toMatchObject({ differing: 0, differences: [] });
  });
});

/** Sixteen prompts of 1 to 32 tokens of all methods; half of the texts are of one length, so that passes fill up. */
async function mix(
  backbone: Backbone,
  { seed, batches, longest, maxRows }: { seed: number; batches: number; longest: number; maxRows: number },
) {
  const uniform = randomNumbers(seed);
  const { layers } = backbone.manifest.config;
  const prompts = Array.from({ length: 16 }, (_, at) =>
    randomPrompt(backbone.manifest, at, {
      method: (["kv", "lora", "soft", "bias", "head"] as const)[at % 5]!,
      tokens: 1 + Math.floor(uniform() * (at < 8 ? 8 : 32)),
      firstLayer: Math.floor(uniform() * layers),
      head: (["linear", "cosine", "mlp"] as const)[at % 3]!,
      ...(at % 5 === 0 ? { reading: READINGS[at % 2]! } : {}),
    }),
  );
  const predictor = await createPredictor({ backbone, loadPrompt: async (ref) => prompts[Number(ref)]! });
  const requests = Array.from({ length: 48 }, (_, at) => ({
    text: textOf(at % 2 === 0 ? 5 : 1 + Math.floor(uniform() * longest * (at % 8 === 1 ? 1 : 0.1)), uniform),
    prompt: `${at % 16}`,
  }));
  const report = await verifyIsolation(predictor, requests, { batches, uniform, maxRows });
  const { passes, rows } = predictor.stats().batches;
  // Otherwise nothing was mixed, and the comparison proves nothing.
  expect(rows / passes).toBeGreaterThan(1.3);
  await predictor.close();
  return report;
}

const READINGS: NonNullable<PromptShape["reading"]>[] = [
  { pooling: "cls_after_prompt", textPositions: "after_prompt" },
  { pooling: "cls_after_prompt", textPositions: "from_zero" },
];

describe("verifyIsolation", () => {
  it("finds a predictor whose rows depend on their neighbours", async () => {
    await using tiny = await tinyBackbone();
    const honest = await createPredictor({
      backbone: tiny.backbone,
      loadPrompt: async () => randomPrompt(tiny.backbone.manifest, 1, { method: "kv" }),
    });
    const leaky: typeof honest = {
      ...honest,
      async classify(requests, options) {
        const predictions = await honest.classify(requests, options);
        if (options?.alone || requests.length < 3) return predictions;
        return predictions.map((each) => ({ ...each, logits: each.logits!.map((x) => x * (1 + 2 ** -52)) }));
      },
    };
    const requests = ["help", "my card was lost"].map((text) => ({ text, prompt: "" }));
    const report = await verifyIsolation(leaky, requests, { batches: 20, uniform: randomNumbers(1) });
    expect(report.differing).toBeGreaterThan(100);
    expect(report.differences).toHaveLength(10);
    expect(report.differences[0]!.largest).toBeGreaterThan(0);
    await honest.close();
  });
});

const SHAPES: PromptShape[] = [
  { method: "kv", tokens: 5, firstLayer: 0 },
  { method: "kv", tokens: 8, firstLayer: 2 },
  { method: "soft", tokens: 5 },
  { method: "lora", tokens: 3, firstLayer: 1 },
  { method: "bias", firstLayer: 0, size: 0.3 },
  { method: "bias", firstLayer: 2, size: 0.3 },
];

describe("the tuner's graphs", () => {
  it.each(SHAPES)("give $method prompts from layer $firstLayer the served logits", async (shape) => {
    await using tiny = await tinyBackbone();
    await compare(tiny.backbone, shape);
  });

  it.skipIf(!hasMinilm).each(SHAPES)("do so on minilm-l6, $method from layer $firstLayer", async (shape) => {
    await compare((await openMinilm(2))!, shape);
  });
});

async function compare(backbone: Backbone, shape: PromptShape): Promise<void> {
  const stored = randomPrompt(backbone.manifest, 1, shape);
  const uniform = randomNumbers(8);
  const texts = [1, 5, 9, 30].map((words) => textOf(words, uniform));
  const predictor = await createPredictor({ backbone, loadPrompt: async () => stored });
  const served = await predictor.classify(
    texts.map((text) => ({ text, prompt: "" })),
    { logits: true },
  );
  await predictor.close();

  const { hiddenSize } = backbone.manifest.config;
  const vectors = await tunedVectors(backbone, stored.prompt, texts, shape.firstLayer ?? 0);
  const head = readyHead(stored.prompt.head, hiddenSize);
  for (const [at, { logits }] of served.entries()) {
    const expected = logitsOf(head, vectors.subarray(at * hiddenSize, (at + 1) * hiddenSize));
    logits!.forEach((logit, c) => {
      expect(Math.abs(logit - expected[c]!) / Math.max(1, Math.abs(expected[c]!))).toBeLessThan(1e-5);
    });
  }
}

/** Through `lower` and `upper`, all texts padded to the longest. [texts, H] */
async function tunedVectors(
  backbone: Backbone,
  prompt: ReturnType<typeof randomPrompt>["prompt"],
  texts: readonly string[],
  firstLayer: number,
): Promise<Float32Array> {
  const { config, pooling } = backbone.manifest;
  const ids = texts.map((text) => backbone.tokenizer.encode(text).ids);
  const packed = packTexts(ids, sequenceBucket(Math.max(...ids.map(({ length }) => length))), pooling);
  const { pool, ...lowerFeeds } = packed;
  const { site, feeds } = siteOf(prompt, firstLayer, config.hiddenSize);
  const lower = await backbone.open({ kind: "lower", firstLayer, cut: cutOf(site) });
  const { hidden } = await lower.run(lowerFeeds);
  await lower.release();
  const upper = await backbone.open({ kind: "upper", site });
  const { embedding } = await upper.run({ hidden: hidden!, mask: packed.mask, pool, ...feeds });
  await upper.release();
  return embedding!.data as Float32Array;
}

function siteOf(
  prompt: ReturnType<typeof randomPrompt>["prompt"],
  firstLayer: number,
  hiddenSize: number,
): { readonly site: UpperSite; readonly feeds: Feeds } {
  switch (prompt.method) {
    case "kv": {
      const { data, layers, heads, tokens, headDim } = prompt.kv;
      const kv = float32(data, [layers, 2, heads, tokens, headDim]);
      return { site: { kind: "kv", firstLayer }, feeds: { kv } };
    }
    case "soft": {
      const soft = float32(prompt.soft.data, [prompt.soft.tokens, hiddenSize]);
      return { site: { kind: "soft" }, feeds: { soft } };
    }
    case "lora": {
      const { data, layers, rank, hidden } = prompt.lora;
      const lora = float32(data, [layers, 2, 2, rank, hidden]);
      return { site: { kind: "lora", firstLayer }, feeds: { lora } };
    }
    case "bias": {
      const biases = float32(prompt.bias.data, [prompt.bias.data.length]);
      return { site: { kind: "biases", firstLayer }, feeds: { biases } };
    }
    default:
      throw new Error("a head has no upper graph of its own");
  }
}
