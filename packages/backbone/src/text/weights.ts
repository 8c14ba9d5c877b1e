import type { MadeWeight } from "../bundle/plan-weights.ts";
import type { TextConfig } from "./config.ts";

/** What a family calls the parts of its checkpoint. Each part has `.weight` and `.bias`, tables have `.weight`. */
export interface TextNames {
  readonly word: string;
  readonly position: string;
  /** Left out where the family has no token types. */
  readonly type?: string;
  readonly embeddingNorm: string;
  layer(at: number): {
    readonly query: string;
    readonly key: string;
    readonly value: string;
    readonly attentionOutput: string;
    readonly attentionNorm: string;
    readonly intermediate: string;
    readonly output: string;
    readonly norm: string;
  };
}

/** How a checkpoint's tables differ from BERT's. */
export interface TableRows {
  /** Rows of the table of positions, the first `skipped` of which stand for no position and are left out. */
  readonly positions: number;
  readonly skipped: number;
  /** Where there's one type, its row is added to each position. */
  readonly types: number;
}

/**
 * Every weight of an encoder whose norms stand behind its additions. Layout stays the checkpoint's: linear weights are
 * [out, in]. V vocabulary, H hidden, I intermediate.
 */
export function textWeights(
  config: TextConfig,
  names: TextNames,
  rows: TableRows = { positions: config.maxPositions, skipped: 0, types: config.typeVocabSize },
): MadeWeight[] {
  const { vocabSize: V, hiddenSize: H, intermediateSize: I } = config;
  const weights = [
    taken("embeddings.word", `${names.word}.weight`, [V, H]),
    positionTable(config, names, rows),
    ...(names.type !== undefined && config.typeVocabSize > 0
      ? [taken("embeddings.type", `${names.type}.weight`, [config.typeVocabSize, H])]
      : []),
    ...pair("embeddings.norm", names.embeddingNorm, [H]),
  ];
  for (let at = 0; at < config.layers; at++) {
    const layer = `layer.${at}`;
    const theirs = names.layer(at);
    weights.push(
      ...pair(`${layer}.attention.query`, theirs.query, [H, H]),
      ...pair(`${layer}.attention.key`, theirs.key, [H, H]),
      ...pair(`${layer}.attention.value`, theirs.value, [H, H]),
      ...pair(`${layer}.attention.output`, theirs.attentionOutput, [H, H]),
      ...pair(`${layer}.attention.norm`, theirs.attentionNorm, [H]),
      ...pair(`${layer}.intermediate`, theirs.intermediate, [I, H]),
      ...pair(`${layer}.output`, theirs.output, [H, I]),
      ...pair(`${layer}.norm`, theirs.norm, [H]),
    );
  }
  return weights;
}

/** A tensor as it is. */
export function taken(ours: string, theirs: string, shape: readonly number[]): MadeWeight {
  return { ours, shape, theirs: [{ name: theirs, shape }] };
}

function positionTable(
  { hiddenSize: H, maxPositions }: TextConfig,
  names: TextNames,
  rows: TableRows,
): MadeWeight {
  const ours = "embeddings.position";
  const table = { name: `${names.position}.weight`, shape: [rows.positions, H] };
  const addsType = names.type !== undefined && rows.types === 1;
  if (rows.skipped === 0 && !addsType) return { ours, shape: table.shape, theirs: [table] };
  return {
    ours,
    shape: [maxPositions, H],
    theirs: [table, ...(addsType ? [{ name: `${names.type}.weight`, shape: [1, H] }] : [])],
    make: ([positions, type]) => {
      const used = (positions as Float32Array).slice(rows.skipped * H);
      return type === undefined ? used : used.map((x, at) => x + (type[at % H] as number));
    },
  };
}

/** A weight and its bias, which has one number for each output. */
function pair(ours: string, theirs: string, shape: readonly [number, ...number[]]): MadeWeight[] {
  return [
    taken(`${ours}.weight`, `${theirs}.weight`, shape),
    taken(`${ours}.bias`, `${theirs}.bias`, [shape[0]]),
  ];
}
