import type { VisionManifest } from "@kilotune/backbone";
import { KilotuneError } from "@kilotune/contract";
import {
  type DetectionSpec,
  detectionTensors,
  type HeadNumbers,
  type SegmentationSpec,
  segmentationTensors,
} from "@kilotune/heads";
import { type Feeds, float32 } from "@kilotune/engine";
import { borderPlaces, preprocessingSha256, tiledPreprocessing } from "@kilotune/image";
import {
  assertCompatible,
  detectionSpec,
  type Head,
  type ImageIdentity,
  type Prompt,
  type SoftTokens,
  type StoredPrompt,
  segmentationSpec,
  type Use,
  useOf,
} from "@kilotune/prompt";
import type { PreparedAddition } from "../additions.ts";
import { type ReadyHead, readyHead } from "../heads.ts";
import { spreadLora } from "../low-rank.ts";
import { type PreparedPrefix, spreadPrefix, tooLong } from "../prefixes.ts";
import { sizeOfPrompt } from "../prompt-size.ts";
import { type Slots, slotsOf, softBucket } from "./buckets.ts";

/** A prompt for images as the batches need it, never changed once it is made. */
export interface PreparedImagePrompt {
  readonly id: string;
  readonly labels: readonly string[];
  readonly task: ReadyTask;
  /** Large images are looked at in tiles. */
  readonly tiled: boolean;
  readonly slots: Slots;
  readonly prefix?: PreparedPrefix;
  readonly soft?: SoftTokens;
  readonly added?: PreparedAddition<"lora">;
  /** [2, K] of a convolutional graph. */
  readonly channels?: Float32Array;
  /** [3, pixels], and where they lie. */
  readonly border?: { readonly data: Float32Array; readonly places: Int32Array };
  /** What it takes in memory. */
  readonly sizeBytes: number;
}

/** What is made of the backbone's features, and how that becomes an answer. */
export type ReadyTask =
  | ({
      readonly kind: "classification";
      readonly calibration: Use<"imageClassification">["calibration"];
    } & VectorTask)
  | ({
      readonly kind: "multi_label";
      readonly calibration: Use<"imageMultiLabel">["calibration"];
    } & VectorTask)
  | ({
      readonly kind: "segmentation";
      readonly spec: SegmentationSpec;
      readonly temperature: number;
    } & PatchTask)
  | ({
      readonly kind: "detection";
      readonly spec: DetectionSpec;
      readonly calibration: Use<"imageDetection">["calibration"];
    } & PatchTask);

interface VectorTask {
  readonly feature: "cls" | "mean";
  readonly head: ReadyHead;
}

interface PatchTask {
  readonly taps: readonly number[];
  /** The head's tensors by name. */
  readonly learnt: Feeds;
}

type ImagePrompt =
  | Prompt<Use<"imageClassification">>
  | Prompt<Use<"imageMultiLabel">>
  | Prompt<Use<"imageSegmentation">>
  | Prompt<Use<"imageDetection">>;

/**
 * @param tiledSha256 of the backbone's preprocessing with tiles: a prompt may be of either
 * @throws KilotuneError `backbone_mismatch`, `wrong_task`, `prompt_too_long`
 */
export function prepareImagePrompt(
  stored: StoredPrompt,
  backbone: VisionManifest,
  tiledSha256: string,
): PreparedImagePrompt {
  const { manifest } = stored.prompt;
  const looks = manifest.task === "segmentation" || manifest.task === "detection";
  const tiled = looks && manifest.backbone.preprocessingSha256 === tiledSha256;
  const identity = tiled ? { ...backbone.identity, preprocessingSha256: tiledSha256 } : backbone.identity;
  const { id, prompt } = forImages(stored, { ...backbone, identity });
  const { labels } = prompt.manifest;
  const task = readyTask(prompt, backbone);
  const shared = { id, labels, task, tiled };
  const arrays = arraysOf(task);
  switch (prompt.method) {
    case "kv": {
      const { sites } = prompt.manifest;
      const prefix = spreadPrefix(prompt.kv, sites.firstLayer, backbone.config.layers);
      const sizeBytes = sizeOfPrompt(labels, [...arrays, prefix.block, prefix.mask]);
      return { ...shared, prefix, slots: slotsOf({ prefix }), sizeBytes };
    }
    case "soft": {
      const { soft } = prompt;
      if (softBucket(soft.tokens) === undefined) throw tooLong(soft.tokens);
      return {
        ...shared,
        soft,
        slots: slotsOf({ soft }),
        sizeBytes: sizeOfPrompt(labels, [...arrays, soft.data]),
      };
    }
    case "channels": {
      const { data, channels } = prompt.channels;
      if (channels !== backbone.config.channels) throw otherChannels(backbone.config.channels, channels);
      return {
        ...shared,
        channels: data,
        slots: slotsOf({}),
        sizeBytes: sizeOfPrompt(labels, [...arrays, data]),
      };
    }
    case "border": {
      const { data, width } = prompt.border;
      const places = borderPlaces(backbone.config, width);
      return {
        ...shared,
        border: { data, places },
        slots: slotsOf({}),
        sizeBytes: sizeOfPrompt(labels, [...arrays, data, places]),
      };
    }
    case "head":
      return { ...shared, slots: slotsOf({}), sizeBytes: sizeOfPrompt(labels, arrays) };
    case "bias":
      throw new Error("the manifest's schema refuses biases on a backbone of images");
    case "lora": {
      const { sites } = prompt.manifest;
      const added = spreadLora(prompt.lora, sites.firstLayer, backbone.config.layers);
      return {
        ...shared,
        added,
        slots: slotsOf({}),
        sizeBytes: sizeOfPrompt(labels, [...arrays, added.block]),
      };
    }
  }
}

/** What `prepareImagePrompt` asks for. */
export function tiledSha256Of({ preprocessing }: VisionManifest): Promise<string> {
  return preprocessingSha256(tiledPreprocessing(preprocessing));
}

function otherChannels(expected: number | undefined, seen: number): KilotuneError {
  return new KilotuneError(
    "backbone_mismatch",
    `expected a prompt for ${expected === undefined ? "a transformer" : `${expected} channels`}, saw one for ${seen} channels`,
    "The manifest contradicts the backbone whose hashes it gives: tune again.",
  );
}

/** What a prompt is checked against. */
export function visionIdentity({ id, identity, config }: VisionManifest): ImageIdentity {
  const { layers, hiddenSize, heads, headDim, width, height, patchSize } = config;
  return { id, ...identity, layers, hiddenSize, heads, headDim, image: { width, height }, patchSize };
}

function forImages(stored: StoredPrompt, backbone: VisionManifest): { id: string; prompt: ImagePrompt } {
  const { manifest } = stored.prompt;
  if (!useOf(manifest).startsWith("image"))
    throw new KilotuneError(
      "wrong_task",
      `expected a prompt for images, but saw one for ${manifest.task} of texts`,
      "Ask a backbone of texts with it.",
      { kind: "usage" },
    );
  assertCompatible(manifest, visionIdentity(backbone));
  return { id: stored.id, prompt: stored.prompt as ImagePrompt };
}

function readyTask({ manifest, head }: ImagePrompt, { config }: VisionManifest): ReadyTask {
  switch (manifest.task) {
    case "classification":
    case "multi_label": {
      const { feature } = manifest.head;
      if (feature === "cls" && !config.hasClassToken)
        throw new KilotuneError(
          "backbone_mismatch",
          `expected a backbone with a class token, which the prompt's head reads; this one has none`,
          "The manifest contradicts the backbone whose hashes it gives: tune again.",
        );
      const vector = { feature, head: readyHead(head as Head, config.hiddenSize) };
      return manifest.task === "classification"
        ? { kind: manifest.task, calibration: manifest.calibration, ...vector }
        : { kind: manifest.task, calibration: manifest.calibration, ...vector };
    }
    case "segmentation": {
      const spec = segmentationSpec(manifest);
      const learnt = learntFeeds(segmentationTensors(spec), head);
      const { temperature } = manifest.calibration;
      return { kind: "segmentation", spec, temperature, taps: manifest.head.taps, learnt };
    }
    case "detection": {
      const spec = detectionSpec(manifest);
      const learnt = learntFeeds(detectionTensors(spec), head);
      return { kind: "detection", spec, calibration: manifest.calibration, taps: manifest.head.taps, learnt };
    }
  }
}

function learntFeeds(
  tensors: readonly { readonly name: string; readonly dims: readonly number[] }[],
  head: ImagePrompt["head"],
): Feeds {
  const { numbers } = head as { readonly numbers: HeadNumbers };
  return Object.fromEntries(tensors.map(({ name, dims }) => [name, float32(numbers[name]!, dims)]));
}

function arraysOf(task: ReadyTask): { readonly byteLength: number }[] {
  if ("head" in task) return Object.values(task.head);
  return Object.values(task.learnt).map(({ data }) => data as Float32Array);
}
