import { type Backbone, biasNumbers } from "@kilotune/backbone";
import { type Prng, prng } from "@kilotune/dataset";
import {
  decodePrompt,
  encodePrompt,
  type Prompt,
  type PromptManifest,
  type StoredPrompt,
} from "@kilotune/prompt";
import { backboneIdentity } from "@kilotune/worker";

/** Prompts of random numbers and varied method, length and first layer: what matters here isn't what they answer. */
export function randomPrompts(
  backbone: Backbone,
  count: number,
  options: RandomOptions = {},
): Promise<StoredPrompt[]> {
  return Promise.all([...randomPromptBytes(backbone, count, options)].map((bytes) => decodePrompt(bytes)));
}

interface RandomOptions {
  readonly seed?: number;
  /** Of each prompt; varied, with methods and first layers, where left out. */
  readonly tokens?: number;
  /** Those that take turns where tokens vary. */
  readonly methods?: readonly ("kv" | "soft" | "lora" | "bias")[];
}

/** The same as the bytes of their files, one at a time. */
export function* randomPromptBytes(
  backbone: Backbone,
  count: number,
  { seed = 0, tokens, methods = ["soft", "kv", "kv"] }: RandomOptions = {},
): Generator<Uint8Array> {
  const random = prng(seed, "random prompts");
  for (let at = 0; at < count; at++) {
    const method = tokens === undefined ? methods[at % methods.length]! : "kv";
    yield encodePrompt(randomPrompt(backbone, random, at, { method, tokens }), { storage: "float16" });
  }
}

const LABELS = Array.from({ length: 12 }, (_, at) => `label-${at}`);

/** Numbers of a small pool, drawn once: ten thousand prompts would otherwise take minutes to draw. */
function randomPrompt(
  backbone: Backbone,
  random: Prng,
  at: number,
  {
    method,
    tokens: fixedTokens,
  }: { readonly method: "kv" | "soft" | "lora" | "bias"; readonly tokens: number | undefined },
): Prompt {
  const { config } = backbone.manifest;
  const { layers, hiddenSize, heads, headDim } = config;
  const numbers = (size: number, scale: number) => {
    const start = random.integer(POOL.length);
    return Float32Array.from({ length: size }, (_, i) => scale * (POOL[(start + i) % POOL.length] as number));
  };
  const head = { kind: "cosine", weight: numbers(LABELS.length * hiddenSize, 1), scale: 12.5 } as const;
  const shared = {
    format: "kilotune.prompt/1",
    task: "classification",
    labels: LABELS,
    backbone: { ...backboneIdentity(backbone), licence: backbone.manifest.licence },
    head: { kind: "cosine", scale: 12.5 },
    calibration: { temperature: 1 },
    maxTokens: backbone.manifest.maxTokens,
    storage: "float16",
    receipt: {
      dataSha256: "0".repeat(64),
      seed: at,
      settings: {},
      codeVersion: "bench",
      epochs: 0,
      trainRows: 1,
    },
    metrics: {},
  } satisfies Partial<PromptManifest>;
  const tokens = fixedTokens ?? random.integer(33);
  if (tokens === 0) return { method: "head", manifest: { method: "head", ...shared }, head };
  if (method === "soft") {
    const soft = { data: numbers(tokens * hiddenSize, 0.5), tokens, hidden: hiddenSize };
    return { method, manifest: { method, sites: { tokens }, ...shared }, soft, head };
  }
  const firstLayer = fixedTokens === undefined ? random.integer(layers) : Math.floor(layers / 2);
  const prompted = layers - firstLayer;
  if (method === "lora") {
    const data = numbers(prompted * 4 * tokens * hiddenSize, 0.05);
    const sites = { firstLayer, layers: prompted, rank: tokens };
    const lora = { data, layers: prompted, rank: tokens, hidden: hiddenSize };
    return { method, manifest: { method, sites, ...shared }, lora, head };
  }
  if (method === "bias") {
    const data = numbers(biasNumbers(config, firstLayer), 0.1);
    const width = (data.length - hiddenSize) / prompted - 3 * hiddenSize;
    const sites = { firstLayer, layers: prompted, width };
    const bias = { data, layers: prompted, width, hidden: hiddenSize };
    return { method, manifest: { method, sites, ...shared }, bias, head };
  }
  const kv = {
    data: numbers(prompted * 2 * tokens * hiddenSize, 0.5),
    layers: prompted,
    tokens,
    heads,
    headDim,
  };
  return {
    method,
    manifest: { method, sites: { firstLayer, layers: prompted, tokens }, ...shared },
    kv,
    head,
  };
}

const POOL = (() => {
  const random = prng(1, "pool");
  return Float32Array.from({ length: 65_537 }, () => random.normal());
})();
