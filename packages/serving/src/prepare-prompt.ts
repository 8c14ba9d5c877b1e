import type { BackboneManifest, RowPlace } from "@kilotune/backbone";
import { KilotuneError } from "@kilotune/contract";
import {
  assertCompatible,
  expectUse,
  type KvPrefix,
  LONGEST_PROMPT,
  type SoftTokens,
  type StoredPrompt,
  type TextClassifier,
} from "@kilotune/prompt";
import { prefixBucket } from "./buckets.ts";
import { type ReadyHead, readyHead } from "./heads.ts";

/**
 * A prompt as the batches need it, never changed once it is made.
 * L layers of the backbone, N heads, P slots, D head dimension, H hidden size.
 */
export interface PreparedPrompt {
  readonly id: string;
  readonly labels: readonly string[];
  /** Of a text; never more than the backbone has positions for. */
  readonly maxTokens: number;
  /** Where its texts stand in their rows, how their positions count, which of them is pooled. */
  readonly place: RowPlace;
  /** Divides the logits. */
  readonly temperature: number;
  readonly head: ReadyHead;
  readonly prefix?: PreparedPrefix;
  readonly soft?: SoftTokens;
  /** What it takes in memory. */
  readonly sizeBytes: number;
}

/** A prefix in all layers and all slots of its bucket, so that a batch with one prompt feeds it without a copy. */
export interface PreparedPrefix {
  readonly slots: number;
  /** [L, 2, N, P, D], zeros where the prompt has nothing */
  readonly block: Float32Array;
  /** [L, P], 1 where a slot may be seen */
  readonly mask: Float32Array;
}

/** @throws KilotuneError `backbone_mismatch`, `wrong_task`, `unsupported_method`, `prompt_too_long` */
export function preparePrompt(
  stored: StoredPrompt,
  { config, identity, id: backboneId }: BackboneManifest,
): PreparedPrompt {
  const { layers, hiddenSize, heads, headDim } = config;
  assertCompatible(stored.prompt.manifest, {
    id: backboneId,
    ...identity,
    layers,
    hiddenSize,
    heads,
    headDim,
  });
  const { id, prompt } = expectUse(stored, "textClassification");
  const { manifest } = prompt;
  if (prompt.method === "lora") throw unsupportedMethod(prompt.method);
  const head = readyHead(prompt.head, hiddenSize);
  const place = placeOf(prompt);
  const { labels, calibration } = manifest;
  const { firstPosition = 0 } = place;
  const positions = config.maxPositions - firstPosition;
  // What stands around a text takes two.
  if (positions < 2) throw tooLong(firstPosition, config.maxPositions - 2);
  const maxTokens = Math.min(manifest.maxTokens, positions);
  const shared = { id, labels, maxTokens, place, head, temperature: calibration.temperature };
  const { dense, ...arrays } = head;
  const sharedBytes =
    OBJECTS_BYTES +
    sizeOfLabels(labels) +
    sizeOfArrays([...Object.values(arrays), ...Object.values(dense ?? {})]);
  switch (prompt.method) {
    case "kv": {
      const prefix = spread(prompt.kv, prompt.manifest.sites.firstLayer, layers);
      return { ...shared, prefix, sizeBytes: sharedBytes + sizeOfArrays([prefix.block, prefix.mask]) };
    }
    case "soft": {
      const { soft } = prompt;
      if (soft.tokens > LONGEST_PROMPT) throw tooLong(soft.tokens);
      return { ...shared, soft, sizeBytes: sharedBytes + soft.data.byteLength };
    }
    case "head":
      return { ...shared, sizeBytes: sharedBytes };
  }
}

/** Soft tokens stand in front of the text and have no positions of their own: they are added to nothing. */
function placeOf(prompt: TextClassifier): RowPlace {
  const { reading } = prompt.manifest;
  const start = prompt.method === "soft" ? prompt.soft.tokens : 0;
  if (reading === undefined) return { start };
  const tokens = prompt.method === "kv" ? prompt.kv.tokens : start;
  const firstPosition = reading.textPositions === "after_prompt" ? tokens : 0;
  return { start, firstPosition, pooling: reading.pooling === "first_position" ? "first" : "cls" };
}

/** [its layers, 2, N, its tokens, D] -> all layers, all slots of the bucket. */
function spread(kv: KvPrefix, firstLayer: number, layers: number): PreparedPrefix {
  const { tokens, heads, headDim } = kv;
  const slots = prefixBucket(tokens);
  if (slots === undefined) throw tooLong(tokens);
  const block = new Float32Array(layers * 2 * heads * slots * headDim);
  const mask = new Float32Array(layers * slots);
  for (let layer = firstLayer; layer < firstLayer + kv.layers; layer++) {
    mask.fill(1, layer * slots, layer * slots + tokens);
  }
  const own = tokens * headDim;
  for (let part = 0; part < kv.layers * 2 * heads; part++) {
    const at = (firstLayer * 2 * heads + part) * slots * headDim;
    block.set(kv.data.subarray(part * own, (part + 1) * own), at);
  }
  return { slots, block, mask };
}

function unsupportedMethod(method: string): KilotuneError {
  return new KilotuneError(
    "unsupported_method",
    `expected a prompt of method "kv", "soft" or "head", saw "${method}"`,
    "Backbones of texts don't serve this method: tune again with another.",
  );
}

function tooLong(tokens: number, longest: number = LONGEST_PROMPT): KilotuneError {
  return new KilotuneError(
    "prompt_too_long",
    `expected a prompt of at most ${longest} tokens, saw ${tokens}`,
    "Tune again with fewer tokens (--tokens); more than 32 seldom help.",
  );
}

/** A generous guess at the objects around the arrays: some twenty of them, and the entry in the cache. */
const OBJECTS_BYTES = 2048;

function sizeOfLabels(labels: readonly string[]): number {
  return labels.reduce((sum, label) => sum + 2 * label.length + 32, 0);
}

function sizeOfArrays(arrays: readonly { readonly byteLength: number }[]): number {
  return arrays.reduce((sum, { byteLength }) => sum + byteLength, 0);
}
