import type { Use } from "./manifest/uses.ts";
import type { Head, HeadPrompt, KvPrompt, ManifestOf, SoftPrompt } from "./prompt.ts";

/** Prompts for tests: small, plausible, with numbers that every place tells apart. */

export interface Sizes {
  readonly labels: readonly string[];
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly headDim: number;
  readonly tokens: number;
  readonly head: Head["kind"];
}

type Classifying = Use<"textClassification">;

const SMALL: Sizes = {
  labels: ["refund", "delivery", "other"],
  hiddenSize: 4,
  layers: 2,
  heads: 2,
  headDim: 3,
  tokens: 5,
  head: "cosine",
};

export function kvPrompt(sizes: Partial<Sizes> = {}): KvPrompt<Classifying> {
  const { layers, heads, headDim, tokens, ...rest } = { ...SMALL, ...sizes };
  const manifest: ManifestOf<"kv", Classifying> = {
    ...sharedManifest({ ...SMALL, ...sizes }),
    method: "kv",
    sites: { firstLayer: 1, layers, tokens },
  };
  const data = numbers(layers * 2 * heads * tokens * headDim, 1);
  return { method: "kv", manifest, kv: { data, layers, tokens, heads, headDim }, head: head(rest) };
}

export function softPrompt(sizes: Partial<Sizes> = {}): SoftPrompt<Classifying> {
  const all = { ...SMALL, ...sizes };
  const { tokens, hiddenSize: hidden } = all;
  const manifest: ManifestOf<"soft", Classifying> = {
    ...sharedManifest(all),
    method: "soft",
    sites: { tokens },
  };
  return {
    method: "soft",
    manifest,
    soft: { data: numbers(tokens * hidden, 2), tokens, hidden },
    head: head(all),
  };
}

export function headPrompt(sizes: Partial<Sizes> = {}): HeadPrompt<Classifying> {
  const all = { ...SMALL, ...sizes };
  return { method: "head", manifest: { ...sharedManifest(all), method: "head" }, head: head(all) };
}

/** Numbers of a size that float16 keeps to three digits. */
export function numbers(length: number, seed: number): Float32Array {
  return Float32Array.from({ length }, (_, index) => Math.sin(index * 12.9898 + seed * 78.233));
}

const SCALE = 20;

function head({ labels, hiddenSize, head: kind }: Pick<Sizes, "labels" | "hiddenSize" | "head">): Head {
  const weight = numbers(labels.length * hiddenSize, 3);
  if (kind === "cosine") return { kind, weight, scale: SCALE };
  const bias = numbers(labels.length, 4);
  if (kind === "linear") return { kind, weight, bias, scale: SCALE };
  const [dense, denseBias] = [numbers(hiddenSize * hiddenSize, 5), numbers(hiddenSize, 6)];
  return { kind, dense, denseBias, weight, bias, scale: SCALE };
}

function sharedManifest({ labels, hiddenSize, layers, heads, headDim, head: kind }: Sizes) {
  return {
    format: "kilotune.prompt/1",
    task: "classification",
    title: "support desk",
    labels,
    backbone: {
      id: "minilm-l6",
      weightsSha256: "aa".repeat(32),
      tokenizerSha256: "bb".repeat(32),
      preprocessingSha256: "cc".repeat(32),
      licence: "Apache-2.0",
      layers: layers + 1,
      hiddenSize,
      heads,
      headDim,
    },
    head: { kind, scale: SCALE },
    calibration: { temperature: 1.25 },
    maxTokens: 128,
    storage: "float16",
    receipt: {
      dataSha256: "dd".repeat(32),
      seed: 7,
      settings: { learningRate: 0.01, optimiser: "adamw" },
      codeVersion: "0.1.0",
      epochs: 10,
      trainRows: 480,
    },
    metrics: { heldOut: { rows: 120, accuracy: 0.875, macroF1: 0.87, interval: [0.8, 0.92] } },
  } satisfies Omit<ManifestOf<"head", Classifying>, "method">;
}
