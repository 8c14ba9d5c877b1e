import { borderPlaces } from "@kilotune/image";
import type { VisionManifest } from "@kilotune/backbone";
import { randomNumbers } from "@kilotune/backbone/testing";
import { detectionTensors, segmentationTensors } from "@kilotune/heads";
import { createSharpCodec } from "@kilotune/image/node";
import type { Pixels } from "@kilotune/image";
import {
  detectionSpec,
  encodePrompt,
  type HeadOf,
  type AnyUse,
  type Prompt,
  type PromptManifest,
  type StoredPrompt,
  segmentationSpec,
} from "@kilotune/prompt";
import { visionIdentity } from "./prepare-prompt.ts";

export const codec = createSharpCodec();

/** What the tests of images share: prompts of random numbers that fit the backbone, images of random pixels. */
export interface ImagePromptShape {
  readonly task: "classification" | "multi_label" | "segmentation" | "detection";
  readonly method: Exclude<Prompt["method"], "bias">;
  readonly tokens?: number;
  readonly firstLayer?: number;
  readonly feature?: "cls" | "mean";
  readonly labels?: readonly string[];
  readonly taps?: readonly number[];
  /** Of the prompt's numbers. */
  readonly size?: number;
}

export function randomImagePrompt(
  backbone: VisionManifest,
  seed: number,
  shape: ImagePromptShape,
): StoredPrompt {
  const { method, tokens = 3, firstLayer = 0, labels = ["cat", "dog", "bird"], size = 1 } = shape;
  const { layers, hiddenSize, heads, headDim } = backbone.config;
  const uniform = randomNumbers(seed);
  const numbers = (length: number, scale = 1) =>
    Float32Array.from({ length }, () => scale * (2 * uniform() - 1));
  const prompted = layers - firstLayer;
  const channels = backbone.config.channels ?? 1;
  const shared = {
    format: "kilotune.prompt/1",
    input: "image",
    labels,
    backbone: { ...visionIdentity(backbone), licence: backbone.licence },
    storage: "float32",
    receipt: { dataSha256: "0".repeat(64), seed, settings: {}, codeVersion: "0", epochs: 1, trainRows: 1 },
    metrics: {},
    ...byTask(shape),
    method,
    ...(method === "kv" && { sites: { firstLayer, layers: prompted, tokens } }),
    ...(method === "soft" && { sites: { tokens } }),
    ...(method === "channels" && { sites: { channels } }),
    ...(method === "border" && { sites: { width: 2 } }),
    ...(method === "lora" && { sites: { firstLayer, layers: prompted, rank: tokens } }),
  };
  const manifest = shared as unknown as PromptManifest;
  const parts = {
    kv: {
      data: numbers(prompted * 2 * heads * tokens * headDim, size),
      layers: prompted,
      tokens,
      heads,
      headDim,
    },
    channels: { data: numbers(2 * channels, size), channels },
    border: { data: numbers(3 * borderPlaces(backbone.config, 2).length, size), width: 2 },
    soft: { data: numbers(tokens * hiddenSize, size), tokens, hidden: hiddenSize },
    lora: {
      data: numbers(prompted * 4 * tokens * hiddenSize, size),
      layers: prompted,
      rank: tokens,
      hidden: hiddenSize,
    },
  };
  const head = headOf(manifest, numbers);
  const prompt = { method, manifest, head, ...(method !== "head" && { [method]: parts[method] }) } as Prompt;
  // It is what a file could hold.
  encodePrompt(prompt, { storage: "float32" });
  return { id: `sha256-${seed}`, sizeBytes: 0, prompt };
}

function byTask({ task, feature = "cls", taps = [], labels = ["cat", "dog", "bird"] }: ImagePromptShape) {
  switch (task) {
    case "classification":
      return { task, head: { kind: "cosine", scale: 20, feature }, calibration: { temperature: 1.5 } };
    case "multi_label":
      return {
        task,
        head: { kind: "linear", scale: 5, feature },
        calibration: { temperature: 1, thresholds: labels.map(() => 0.5) },
      };
    case "segmentation":
      return {
        task,
        head: { kind: task, taps, innerWidth: 6, cellsPerPatch: 2, cellWidth: 5, byCell: true },
        calibration: { temperature: 1 },
      };
    case "detection":
      return {
        task,
        head: { kind: task, taps, innerWidth: 6, cellsPerPatch: 1, usualReach: 1 },
        calibration: { threshold: 0.05, overlap: 0.6 },
      };
  }
}

function headOf(manifest: PromptManifest, numbers: (length: number) => Float32Array): HeadOf<AnyUse> {
  if (manifest.task === "segmentation" || manifest.task === "detection") {
    const tensors =
      manifest.task === "segmentation"
        ? segmentationTensors(segmentationSpec(manifest))
        : detectionTensors(detectionSpec(manifest));
    const named = tensors.map(({ name, dims }) => [name, numbers(dims.reduce((a, b) => a * b, 1))]);
    return { kind: manifest.task, numbers: Object.fromEntries(named) };
  }
  const { hiddenSize } = manifest.backbone;
  const classes = manifest.labels.length;
  const weight = numbers(classes * hiddenSize);
  if (manifest.head.kind === "cosine") return { kind: "cosine", weight, scale: manifest.head.scale };
  return { kind: "linear", weight, bias: numbers(classes), scale: 5 };
}

export function randomPixels(seed: number, width: number, height: number): Pixels {
  const uniform = randomNumbers(seed);
  return {
    width,
    height,
    channels: 3,
    data: Uint8Array.from({ length: width * height * 3 }, () => Math.floor(256 * uniform())),
  };
}
