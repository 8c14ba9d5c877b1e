import type { Backbone } from "@kilotune/backbone";
import type { Score } from "@kilotune/contract";
import {
  decodePrompt,
  encodePrompt,
  type Head,
  type PromptManifest,
  roundToStorage,
  type Storage,
  type StoredPrompt,
  type TextClassifier,
} from "@kilotune/prompt";
import { writePromptFile } from "@kilotune/prompt/node";
import type { Baselines, RunResult, TuneSettings } from "@kilotune/tuner";
import { linearHead, meansHead, type PublishedKind } from "./select.ts";
import { CODE_VERSION } from "./version.ts";

/** A prompt that a job makes. */
export type TextPrompt = Exclude<TextClassifier, { method: "lora" }>;

export type PublishedPrompt = StoredPrompt & { readonly prompt: TextPrompt };

export interface ChosenNumbers {
  readonly kind: PublishedKind;
  readonly head: Head;
  /** The learnt prompt with its settings, epochs as learnt; undefined publishes the head alone. */
  readonly tuned: { readonly settings: TuneSettings; readonly data: Float32Array } | undefined;
}

export interface Published extends ChosenNumbers {
  readonly backbone: Backbone;
  readonly labels: readonly string[];
  readonly temperature: number;
  readonly storage: Storage;
  readonly receipt: {
    readonly dataSha256: string;
    readonly seed: number;
    readonly epochs: number;
    readonly trainRows: number;
  };
}

/** The head, and the prompt where there is one, of what is published. */
export function chooseNumbers(
  published: PublishedKind,
  baselines: Baselines,
  settings: TuneSettings | undefined,
  final: RunResult<"prototypes"> | undefined,
): ChosenNumbers {
  if (published === "tuned" && settings !== undefined && final !== undefined) {
    const head = { kind: "cosine", weight: final.head.prototypes, scale: 1 / settings.temperature } as const;
    const tuned = { settings: { ...settings, epochs: final.epoch }, data: final.prompt };
    return { kind: "tuned", head, tuned };
  }
  if (published === "classMean")
    return { kind: published, head: meansHead(baselines.classMeans), tuned: undefined };
  return { kind: "linearProbe", head: linearHead(baselines.probe), tuned: undefined };
}

/** The prompt with the numbers that its file will hold: what is measured from here on is true of the file. */
export function roundedPrompt(published: Published): TextPrompt {
  return roundToStorage(draft(published), published.storage);
}

/** Writes the file, with what was measured on `prompt`, and reads it back. */
export async function writePrompt(
  prompt: TextPrompt,
  metrics: { readonly heldOut?: Score; readonly test?: Score },
  out: string,
): Promise<PublishedPrompt> {
  const measured = { ...prompt, manifest: { ...prompt.manifest, metrics } } as TextPrompt;
  const bytes = encodePrompt(measured, { storage: prompt.manifest.storage });
  const stored = await decodePrompt(bytes);
  await writePromptFile(out, bytes);
  return stored as PublishedPrompt;
}

function draft({ backbone, labels, head, tuned, temperature, storage, receipt }: Published): TextPrompt {
  const { id, identity, licence, config } = backbone.manifest;
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
    receipt: { ...receipt, settings: settingsRecord(tuned?.settings), codeVersion: CODE_VERSION },
    metrics: {},
  } satisfies Partial<PromptManifest>;
  if (tuned === undefined) return { method: "head", manifest: { method: "head", ...shared }, head };
  const { tokens, firstLayer, method } = tuned.settings;
  if (method === "soft") {
    const manifest = { method, sites: { tokens }, ...shared } as const;
    return { method, manifest, soft: { data: tuned.data, tokens, hidden: hiddenSize }, head };
  }
  const prompted = layers - firstLayer;
  const manifest = { method, sites: { firstLayer, layers: prompted, tokens }, ...shared } as const;
  return { method, manifest, kv: { data: tuned.data, layers: prompted, tokens, heads, headDim }, head };
}

export function settingsRecord(settings: TuneSettings | undefined): Record<string, string | number> {
  return settings === undefined ? {} : { ...settings };
}
