import type { BackboneManifest, RowPlace } from "@kilotune/backbone";
import { assertCompatible, LONGEST_PROMPT, type SoftTokens, type StoredPrompt } from "@kilotune/prompt";
import type { PreparedAddition } from "../additions.ts";
import { type ReadyHead, readyHead } from "../heads.ts";
import { spreadLora } from "../low-rank.ts";
import { type PreparedPrefix, spreadPrefix, tooLong } from "../prefixes.ts";
import { sizeOfPrompt } from "../prompt-size.ts";
import { spreadBiases } from "./biases.ts";
import { forTexts, type TextPrompt, type TextTask, taskOf } from "./tasks.ts";

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
  readonly task: TextTask;
  /** Whether it reads two texts. */
  readonly pairs: boolean;
  /** None where the vector itself is the answer. */
  readonly head?: ReadyHead;
  readonly prefix?: PreparedPrefix;
  readonly soft?: SoftTokens;
  readonly added?: PreparedAddition;
  /** What it takes in memory. */
  readonly sizeBytes: number;
}

/** @throws KilotuneError `backbone_mismatch`, `wrong_task`, `prompt_too_long` */
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
  const { id, prompt } = forTexts(stored);
  const { manifest } = prompt;
  const head = prompt.head.kind === "none" ? undefined : readyHead(prompt.head, hiddenSize);
  const place = placeOf(prompt);
  const { labels } = manifest;
  const { firstPosition = 0 } = place;
  const positions = config.maxPositions - firstPosition;
  // What stands around a text takes two.
  if (positions < 2) throw tooLong(firstPosition, config.maxPositions - 2);
  const maxTokens = Math.min(manifest.maxTokens, positions);
  const pairs = "input" in manifest && manifest.input === "text_pair";
  const shared = { id, labels, maxTokens, place, task: taskOf(manifest), pairs, ...(head && { head }) };
  const { dense, ...arrays } = head ?? {};
  const headArrays = [...Object.values(arrays), ...Object.values(dense ?? {})];
  switch (prompt.method) {
    case "kv": {
      const prefix = spreadPrefix(prompt.kv, prompt.manifest.sites.firstLayer, layers);
      return {
        ...shared,
        prefix,
        sizeBytes: sizeOfPrompt(labels, [...headArrays, prefix.block, prefix.mask]),
      };
    }
    case "soft": {
      const { soft } = prompt;
      if (soft.tokens > LONGEST_PROMPT) throw tooLong(soft.tokens);
      return { ...shared, soft, sizeBytes: sizeOfPrompt(labels, [...headArrays, soft.data]) };
    }
    case "lora": {
      const added = spreadLora(prompt.lora, prompt.manifest.sites.firstLayer, layers);
      return { ...shared, added, sizeBytes: sizeOfPrompt(labels, [...headArrays, added.block]) };
    }
    case "bias": {
      const added = spreadBiases(prompt.bias, prompt.manifest.sites.firstLayer, config);
      return { ...shared, added, sizeBytes: sizeOfPrompt(labels, [...headArrays, added.block]) };
    }
    case "channels":
    case "border":
      throw new Error("the manifest's schema refuses channels on a backbone of texts");
    case "head":
      return { ...shared, sizeBytes: sizeOfPrompt(labels, headArrays) };
  }
}

/** Soft tokens stand in front of the text and have no positions of their own: they are added to nothing. */
function placeOf(prompt: TextPrompt): RowPlace {
  const { reading } = prompt.manifest;
  const start = prompt.method === "soft" ? prompt.soft.tokens : 0;
  if (reading === undefined) return { start };
  const tokens = prompt.method === "kv" ? prompt.kv.tokens : start;
  const firstPosition = reading.textPositions === "after_prompt" ? tokens : 0;
  return { start, firstPosition, pooling: reading.pooling === "first_position" ? "first" : "cls" };
}
