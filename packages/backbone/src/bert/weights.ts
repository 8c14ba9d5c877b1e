import { KilotuneError } from "@kilotune/contract";
import type { BertConfig } from "./config.ts";

/**
 * Pairs each weight that the graph names with the tensor of a BERT checkpoint that holds it. Layout stays the
 * checkpoint's: linear weights are [out, in]. Accepts the `bert.` prefix of task models and TensorFlow's old
 * `gamma`/`beta`. Names that we drop are listed below; any other name that is left over is an error, since a weight
 * that is silently ignored is a model that is silently wrong.
 * @param shapes tensor name -> shape, as the checkpoint's header has them
 * @returns our name -> checkpoint's name, in graph order
 * @throws KilotuneError `bad_weights`, listing missing and unknown names and wrong shapes
 */
export function mapBertWeights(
  shapes: ReadonlyMap<string, readonly number[]>,
  config: BertConfig,
): Map<string, string> {
  const faults: string[] = [];
  const originals = byPlainName(shapes.keys(), faults);
  const mapped = new Map<string, string>();
  const missing: string[] = [];
  for (const { ours, theirs, shape } of bertWeights(config)) {
    const original = originals.get(theirs);
    if (original === undefined) {
      missing.push(theirs);
      continue;
    }
    originals.delete(theirs);
    mapped.set(ours, original);
    const seen = shapes.get(original)!;
    if (seen.length !== shape.length || seen.some((dim, axis) => dim !== shape[axis])) {
      faults.push(`${original}: expected shape [${shape.join(", ")}], saw [${seen.join(", ")}]`);
    }
  }
  const unknown = [...originals].filter(([plain]) => !isDropped(plain)).map(([, original]) => original);
  if (missing.length > 0) faults.unshift(`missing ${list(missing)}`);
  if (unknown.length > 0) faults.push(`unknown ${list(unknown)}`);
  if (faults.length > 0) {
    throw new KilotuneError(
      "bad_weights",
      `The checkpoint does not hold the BERT encoder that its config.json describes: ${list(faults, "; ")}.`,
      "Check that model.safetensors and config.json come from the same checkpoint, of model type bert.",
    );
  }
  return mapped;
}

export interface BertWeight {
  /** The graph's name. */
  readonly ours: string;
  /** The checkpoint's name, without prefix. */
  readonly theirs: string;
  readonly shape: readonly number[];
}

/** Every weight of the encoder. V vocabulary, P positions, T token types, H hidden, I intermediate. */
export function bertWeights(config: BertConfig): BertWeight[] {
  const { vocabSize: V, maxPositions: P, typeVocabSize: T, hiddenSize: H, intermediateSize: I } = config;
  const rows: BertWeight[] = [
    { ours: "embeddings.word", theirs: "embeddings.word_embeddings.weight", shape: [V, H] },
    { ours: "embeddings.position", theirs: "embeddings.position_embeddings.weight", shape: [P, H] },
    { ours: "embeddings.type", theirs: "embeddings.token_type_embeddings.weight", shape: [T, H] },
    ...pair("embeddings.norm", "embeddings.LayerNorm", [H]),
  ];
  for (let i = 0; i < config.layers; i++) {
    const layer = `layer.${i}`;
    const theirs = `encoder.layer.${i}`;
    rows.push(
      ...pair(`${layer}.attention.query`, `${theirs}.attention.self.query`, [H, H]),
      ...pair(`${layer}.attention.key`, `${theirs}.attention.self.key`, [H, H]),
      ...pair(`${layer}.attention.value`, `${theirs}.attention.self.value`, [H, H]),
      ...pair(`${layer}.attention.output`, `${theirs}.attention.output.dense`, [H, H]),
      ...pair(`${layer}.attention.norm`, `${theirs}.attention.output.LayerNorm`, [H]),
      ...pair(`${layer}.intermediate`, `${theirs}.intermediate.dense`, [I, H]),
      ...pair(`${layer}.output`, `${theirs}.output.dense`, [H, I]),
      ...pair(`${layer}.norm`, `${theirs}.output.LayerNorm`, [H]),
    );
  }
  return rows;
}

/** A weight and its bias, which has one number for each output. */
function pair(ours: string, theirs: string, shape: readonly [number, ...number[]]): BertWeight[] {
  return [
    { ours: `${ours}.weight`, theirs: `${theirs}.weight`, shape },
    { ours: `${ours}.bias`, theirs: `${theirs}.bias`, shape: [shape[0]] },
  ];
}

/** What a checkpoint may hold beside the encoder: heads of other tasks, and index buffers that are no weights. */
const DROPPED = [
  "embeddings.position_ids",
  "embeddings.token_type_ids",
  "pooler.",
  "cls.",
  "classifier.",
  "qa_outputs.",
];

function isDropped(plain: string): boolean {
  return DROPPED.some((name) => (name.endsWith(".") ? plain.startsWith(name) : plain === name));
}

/** Plain name (no prefix, today's LayerNorm names) -> the name in the file. Two names for one weight are a fault. */
function byPlainName(names: Iterable<string>, faults: string[]): Map<string, string> {
  const plain = new Map<string, string>();
  for (const name of names) {
    const key = name
      .replace(/^bert\./, "")
      .replace(/LayerNorm\.gamma$/, "LayerNorm.weight")
      .replace(/LayerNorm\.beta$/, "LayerNorm.bias");
    const other = plain.get(key);
    if (other !== undefined) faults.push(`${other} and ${name} are the same weight`);
    plain.set(key, name);
  }
  return plain;
}

function list(items: readonly string[], separator = ", "): string {
  const shown = items.slice(0, 6).join(separator);
  return items.length > 6 ? `${shown}${separator}and ${items.length - 6} more` : shown;
}
