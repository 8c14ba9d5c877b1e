import type { Backbone } from "@kilotune/backbone";
import { type Head, roundToStorage, type Storage, type Prompt, type TextClassifier } from "@kilotune/prompt";
import type { TuneSettings } from "@kilotune/tuner";
import { learntPart, withPart } from "../prompt-part.ts";
import type { Published } from "../task.ts";

/** A prompt that a job makes. */
export type TextPrompt = TextClassifier;

/** What the head's numbers mean. */
export interface TextUse {
  readonly task: "classification" | "multi_label" | "regression" | "retrieval";
  readonly labels: readonly string[];
  readonly calibration: object;
  /** Of rows that are pairs. */
  readonly input?: "text_pair";
}

export interface PublishedTexts {
  readonly backbone: Backbone;
  readonly use: TextUse;
  readonly storage: Storage;
  readonly receipt: Published<unknown, unknown>["receipt"];
  readonly head: Head | { readonly kind: "none" };
  /** The learnt prompt with its settings, epochs as learnt; undefined publishes the head alone. */
  readonly tuned: { readonly settings: TuneSettings; readonly data: Float32Array } | undefined;
}

/** The prompt with the numbers that its file will hold: what is measured from here on is true of the file. */
export async function roundedPrompt(published: PublishedTexts): Promise<Prompt> {
  return roundToStorage(await draft(published), published.storage);
}

async function draft({ backbone, use, head, tuned, storage, receipt }: PublishedTexts): Promise<Prompt> {
  const { id, identity, licence, config, precision } = backbone.manifest;
  const { layers, hiddenSize, heads, headDim } = config;
  const shared = {
    format: "kilotune.prompt/1",
    ...use,
    labels: [...use.labels],
    backbone: { id, ...identity, licence, layers, hiddenSize, heads, headDim },
    head: head.kind === "none" ? { kind: head.kind } : { kind: head.kind, scale: head.scale },
    maxTokens: backbone.manifest.maxTokens,
    storage,
    ...(precision === "int8" && { precision }),
    receipt: { ...receipt, settings: { ...tuned?.settings } },
    metrics: {},
  };
  const part = tuned && (await learntPart(backbone, tuned.settings, tuned.data));
  return withPart(part, shared, head) as unknown as Prompt;
}
