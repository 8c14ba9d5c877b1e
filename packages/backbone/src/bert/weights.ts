import { findTensors } from "../checkpoint-names.ts";
import type { TextConfig } from "../text/config.ts";

/**
 * Pairs each weight that the graph names with the tensor of a BERT checkpoint that holds it. Layout stays the
 * checkpoint's: linear weights are [out, in]. Accepts the `bert.` prefix of task models and TensorFlow's old
 * `gamma`/`beta`.
 * @param shapes tensor name -> shape, as the checkpoint's header has them
 * @returns our name -> checkpoint's name, in graph order
 * @throws KilotuneError `bad_weights`, listing missing and unknown names and wrong shapes
 */
export function mapBertWeights(
  shapes: ReadonlyMap<string, readonly number[]>,
  config: TextConfig,
): Map<string, string> {
  const weights = bertWeights(config);
  const wanted = weights.map(({ theirs, shape }) => ({ name: theirs, shape }));
  const found = findTensors(shapes, wanted, {
    what: "the BERT encoder",
    kind: "model type bert",
    dropped: DROPPED,
    plain: (name) =>
      name
        .replace(/^bert\./, "")
        .replace(/LayerNorm\.gamma$/, "LayerNorm.weight")
        .replace(/LayerNorm\.beta$/, "LayerNorm.bias"),
  });
  return new Map(weights.map(({ ours, theirs }) => [ours, found.get(theirs) as string]));
}

export interface BertWeight {
  /** The graph's name. */
  readonly ours: string;
  /** The checkpoint's name, without prefix. */
  readonly theirs: string;
  readonly shape: readonly number[];
}

/** Every weight of the encoder. V vocabulary, P positions, T token types, H hidden, I intermediate. */
export function bertWeights(config: TextConfig): BertWeight[] {
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
