import type { Method } from "./manifest/methods.ts";
import type { UseName } from "./manifest/uses.ts";
import { PROMPT_FORMAT, type PromptManifest, parseManifest } from "./manifest.ts";
import type { Prompt } from "./prompt.ts";
import { numbers } from "./sample-prompts.ts";
import { assemble, expectedTensors } from "./tensors.ts";

/** For tests: a small prompt of each use and method, its numbers such that every place tells them apart. */
export function samplePrompt(use: UseName, method: Method): Prompt {
  return filled(sampleManifest(use, method));
}

/** A prompt of any numbers in the shapes that the manifest asks for. */
export function filled(manifest: PromptManifest): Prompt {
  const tensors = [...expectedTensors(manifest)].map(([name, dims], seed) => {
    const length = dims.reduce((product, dim) => product * dim, 1);
    return [name, numbers(length, seed)] as const;
  });
  return assemble(manifest, new Map(tensors));
}

export function sampleManifest(use: UseName, method: Method): PromptManifest {
  return parseManifest({
    ...SHARED,
    method,
    ...(method === "head" ? {} : { sites: SITES[method] }),
    ...(use.startsWith("image") ? IMAGES : TEXTS),
    ...USES[use],
  });
}

const SHARED = {
  format: PROMPT_FORMAT,
  storage: "float32",
  receipt: {
    dataSha256: "dd".repeat(32),
    seed: 7,
    settings: {},
    codeVersion: "0.1.0",
    epochs: 3,
    trainRows: 40,
  },
};

const SITES = {
  channels: { channels: 6 },
  border: { width: 2 },
  kv: { firstLayer: 1, layers: 2, tokens: 3 },
  soft: { tokens: 3 },
  lora: { firstLayer: 2, layers: 1, rank: 2 },
  bias: { firstLayer: 1, layers: 2, width: 10 },
};

const SIZES = { licence: "MIT", layers: 3, hiddenSize: 6, heads: 2, headDim: 3 };

const TEXTS = {
  backbone: {
    id: "tiny",
    weightsSha256: "aa".repeat(32),
    tokenizerSha256: "bb".repeat(32),
    preprocessingSha256: "cc".repeat(32),
    ...SIZES,
  },
  head: { kind: "linear", scale: 1 },
  maxTokens: 64,
};

const IMAGES = {
  input: "image",
  backbone: {
    id: "tiny-vit",
    weightsSha256: "ab".repeat(32),
    preprocessingSha256: "ac".repeat(32),
    ...SIZES,
    image: { width: 12, height: 8 },
    patchSize: 4,
  },
};

const ACCURACIES = { test: { rows: 12, accuracy: 0.75, macroF1: 0.7, interval: [0.4, 0.9] } };

const figures = (main: string) => ({ heldOut: { rows: 12, main, figures: { [main]: 0.5, other: -1 } } });

const LABELS = ["refund", "delivery", "other"];

/** What differs from use to use. */
const USES: Record<UseName, object> = {
  textClassification: {
    task: "classification",
    labels: LABELS,
    calibration: { temperature: 1.5, outOfScope: { score: "probability", threshold: 0.4 } },
    metrics: ACCURACIES,
  },
  textMultiLabel: {
    task: "multi_label",
    labels: LABELS,
    calibration: { temperature: 1, thresholds: [0.5, 0.25, 0.75] },
    metrics: figures("microF1"),
  },
  textRegression: {
    task: "regression",
    input: "text_pair",
    labels: ["likeness"],
    calibration: { mean: 2.5, scale: 1.25 },
    metrics: figures("spearman"),
  },
  textTagging: {
    task: "tagging",
    labels: ["O", "B-place", "I-place", "B-time"],
    calibration: { temperature: 1 },
    metrics: figures("spanF1"),
  },
  textRetrieval: {
    task: "retrieval",
    labels: [],
    head: { kind: "none" },
    calibration: {},
    metrics: figures("map10"),
  },
  imageClassification: {
    task: "classification",
    labels: LABELS,
    head: { kind: "cosine", scale: 20, feature: "cls" },
    calibration: { temperature: 1 },
    metrics: ACCURACIES,
  },
  imageMultiLabel: {
    task: "multi_label",
    labels: LABELS,
    head: { kind: "linear", scale: 1, feature: "mean" },
    calibration: { temperature: 1, thresholds: [0.5, 0.25, 0.75] },
    metrics: figures("microF1"),
  },
  imageSegmentation: {
    task: "segmentation",
    labels: ["outside", "membrane"],
    head: { kind: "segmentation", taps: [1, 2], innerWidth: 5, cellsPerPatch: 2, cellWidth: 4 },
    calibration: { temperature: 1 },
    metrics: figures("meanIou"),
  },
  imageDetection: {
    task: "detection",
    labels: LABELS,
    head: { kind: "detection", taps: [], innerWidth: 5, cellsPerPatch: 1, usualReach: 2 },
    calibration: { threshold: 0.3, overlap: 0.6 },
    metrics: figures("map50"),
  },
};

const OF_IMAGES: readonly Method[] = ["channels", "border"];

/** Each use with each method that it may have. */
export const COMBINATIONS: readonly (readonly [UseName, Method])[] = (Object.keys(USES) as UseName[]).flatMap(
  (use) =>
    (["kv", "soft", "lora", "bias", "channels", "border", "head"] as const)
      .filter((method) => use !== "textRetrieval" || method !== "head")
      .filter((method) => (use.startsWith("image") ? method !== "bias" : !OF_IMAGES.includes(method)))
      .map((method) => [use, method] as const),
);
