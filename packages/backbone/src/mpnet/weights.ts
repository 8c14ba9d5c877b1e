import { planWeights } from "../bundle/plan-weights.ts";
import type { PlannedWeight } from "../bundle/write-weights.ts";
import type { TextConfig } from "../text/config.ts";
import { FURTHEST_DISTANCE } from "../text/positions.ts";
import { type TextNames, textWeights } from "../text/weights.ts";
import { MPNET_PAD } from "./config.ts";

/**
 * Pairs each weight that the graphs name with the tensors of an MPNet checkpoint. What is added to scores comes by distance
 * from -FURTHEST_DISTANCE on, [2 * FURTHEST_DISTANCE + 1, heads]; the checkpoint has it by buckets of distances.
 * @throws KilotuneError `bad_weights`, listing missing and unknown names and wrong shapes
 */
export function planMpnetWeights(
  shapes: ReadonlyMap<string, readonly number[]>,
  config: TextConfig,
): PlannedWeight[] {
  const { heads } = config;
  const skipped = MPNET_PAD + 1;
  const distances = 2 * FURTHEST_DISTANCE + 1;
  const rows = { positions: config.maxPositions + skipped, skipped, types: 0 };
  const relative = {
    ours: "embeddings.relative",
    shape: [distances, heads],
    theirs: [{ name: "encoder.relative_attention_bias.weight", shape: [BUCKETS, heads] }],
    make: ([buckets]: readonly Float32Array[]) => {
      const table = new Float32Array(distances * heads);
      for (let at = 0; at < distances; at++) {
        const bucket = bucketOf(at - FURTHEST_DISTANCE);
        table.set((buckets as Float32Array).subarray(bucket * heads, (bucket + 1) * heads), at * heads);
      }
      return table;
    },
  };
  return planWeights(shapes, [...textWeights(config, NAMES, rows), relative], {
    what: "the MPNet encoder",
    kind: "model type mpnet",
    dropped: ["embeddings.position_ids", "pooler.", "lm_head.", "classifier.", "qa_outputs."],
    plain: (name) => name.replace(/^mpnet\./, ""),
  });
}

/**
 * Which of the 32 numbers a key so many tokens behind its query gets: 16 for each direction, one a distance up to 7, then
 * wider and wider ones up to 128. In float32 as PyTorch computes it, since 16 lies on a border.
 */
export function bucketOf(distance: number): number {
  const half = BUCKETS / 2;
  const exact = half / 2;
  const side = distance > 0 ? half : 0;
  const n = Math.abs(distance);
  if (n < exact) return side + n;
  const f = Math.fround;
  const steps = f(f(f(Math.log(f(n / exact))) / f(Math.log(128 / exact))) * (half - exact));
  return side + Math.min(exact + Math.trunc(steps), half - 1);
}

const BUCKETS = 32;

const NAMES: TextNames = {
  word: "embeddings.word_embeddings",
  position: "embeddings.position_embeddings",
  embeddingNorm: "embeddings.LayerNorm",
  layer: (at) => ({
    query: `encoder.layer.${at}.attention.attn.q`,
    key: `encoder.layer.${at}.attention.attn.k`,
    value: `encoder.layer.${at}.attention.attn.v`,
    attentionOutput: `encoder.layer.${at}.attention.attn.o`,
    attentionNorm: `encoder.layer.${at}.attention.LayerNorm`,
    intermediate: `encoder.layer.${at}.intermediate.dense`,
    output: `encoder.layer.${at}.output.dense`,
    norm: `encoder.layer.${at}.output.LayerNorm`,
  }),
};
