import { mkdtemp, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { type Backbone, loadBackbone } from "@kilotune/backbone";
import { decodePrompt, encodePrompt, type Prompt } from "@kilotune/prompt";
import { type BaseModel, openBaseModel } from "@kilotune/prompt/exchange";
import { createPredictor } from "@kilotune/serving";

/** The tiny random BERT of packages/backbone, as a user's checkpoint: what the fixtures' prompts were made for. */
export const CHECKPOINT = path.join(import.meta.dirname, "../../packages/backbone/src/bert/goldens/tiny");

export const GOLDENS = path.join(import.meta.dirname, "goldens");

/** Where in a folder that make.py wrote each fixture is, and what its import must be told. */
export const FIXTURES: Readonly<
  Record<string, { at?: string; task?: number; head?: true; pooling?: "cls_after_prompt" }>
> = {
  "prompt-tuning": {},
  "prompt-tuning-pickle": {},
  "prompt-tuning-named": { at: "prompt-tuning-named/support" },
  "prompt-tuning-half": {},
  "p-tuning-mlp": {},
  "p-tuning-lstm": {},
  multitask: { task: 1 },
  "prefix-tuning": {},
  "prefix-tuning-projected": {},
  lora: {},
  "lora-query": {},
  "lora-patterns": {},
  "p-tuning-v2": {},
  "p-tuning-v2-projected": {},
  tgis: { head: true },
  "prompt.npy": { head: true, pooling: "cls_after_prompt" },
};

/** What `importPrompt` is given for a fixture. */
export function sourceOf(name: string, folder: string) {
  const { at = name, head, ...options } = FIXTURES[name]!;
  const file = head ? { head: path.join(folder, "head.safetensors") } : {};
  return { source: path.join(folder, at), options: { ...options, ...file } };
}

/** `wanted.json` of such a folder: PyTorch's logits by fixture, [texts][classes]. */
export interface Wanted {
  readonly texts: readonly string[];
  readonly float32: Readonly<Record<string, Logits>>;
  /** Tell whose rounding a difference is. */
  readonly float64: Readonly<Record<string, Logits>>;
}

export type Logits = readonly (readonly number[])[];

export async function readWanted(folder: string): Promise<Wanted> {
  return JSON.parse(await readFile(path.join(folder, "wanted.json"), "utf8"));
}

export interface TinyBase extends AsyncDisposable {
  readonly backbone: Backbone;
  readonly base: BaseModel;
}

export async function openTinyBase(): Promise<TinyBase> {
  const cache = await mkdtemp(path.join(os.tmpdir(), "kilotune-exchange-"));
  // Nobody listens there, and nothing has to be fetched.
  const backbone = await loadBackbone(CHECKPOINT, { cache, hub: "http://127.0.0.1:9", threads: 1 });
  const base = await openBaseModel(CHECKPOINT, backbone.manifest);
  return {
    backbone,
    base,
    async [Symbol.asyncDispose]() {
      await base[Symbol.asyncDispose]();
      await rm(cache, { recursive: true });
    },
  };
}

/** Through the prompt's file and all texts in one batch, as they are served. [texts][classes] */
export async function servedLogits(
  backbone: Backbone,
  prompt: Prompt,
  texts: readonly string[],
): Promise<Logits> {
  const stored = await decodePrompt(encodePrompt(prompt, { storage: "float32" }));
  const predictor = await createPredictor({ backbone, loadPrompt: async () => stored });
  try {
    const requests = texts.map((text) => ({ text, prompt: "" }));
    return (await predictor.classify(requests, { logits: true })).map(({ logits }) => logits!);
  } finally {
    await predictor.close();
  }
}

export function largestDifference(ours: Logits, theirs: Logits): number {
  const differences = ours.flatMap((row, at) => row.map((logit, c) => Math.abs(logit - theirs[at]![c]!)));
  return Math.max(...differences);
}
