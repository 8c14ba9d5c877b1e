import type { Backbone } from "@kilotune/backbone";
import {
  type Head,
  type PromptManifest,
  roundToStorage,
  type Storage,
  type TextClassifier,
} from "@kilotune/prompt";
import type { TuneSettings } from "@kilotune/tuner";
import { promptPart, withPart } from "../prompt-part.ts";
import type { Published } from "../task.ts";

/** A prompt that a job makes. */
export type TextPrompt = TextClassifier;

export interface PublishedClasses {
  readonly backbone: Backbone;
  readonly labels: readonly string[];
  readonly temperature: number;
  readonly storage: Storage;
  readonly receipt: Published<unknown, unknown>["receipt"];
  readonly head: Head;
  /** The learnt prompt with its settings, epochs as learnt; undefined publishes the head alone. */
  readonly tuned: { readonly settings: TuneSettings; readonly data: Float32Array } | undefined;
}

/** The prompt with the numbers that its file will hold: what is measured from here on is true of the file. */
export function roundedPrompt(published: PublishedClasses): TextPrompt {
  return roundToStorage(draft(published), published.storage);
}

function draft({
  backbone,
  labels,
  head,
  tuned,
  temperature,
  storage,
  receipt,
}: PublishedClasses): TextPrompt {
  const { id, identity, licence, config, precision } = backbone.manifest;
  const { layers, hiddenSize, heads, headDim } = config;
  const shared = {
    format: "kilotune.prompt/1",
    task: "classification",
    labels: [...labels],
    backbone: { id, ...identity, licence, layers, hiddenSize, heads, headDim },
    head: { kind: head.kind, scale: head.scale },
    calibration: { temperature },
    maxTokens: backbone.manifest.maxTokens,
    storage,
    ...(precision === "int8" && { precision }),
    receipt: { ...receipt, settings: { ...tuned?.settings } },
    metrics: {},
  } satisfies Partial<PromptManifest>;
  const part = tuned && promptPart(tuned.settings, tuned.data, config);
  return withPart(part, shared, head) as unknown as TextPrompt;
}
