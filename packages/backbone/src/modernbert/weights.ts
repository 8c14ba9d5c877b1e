import { type MadeWeight, planWeights } from "../bundle/plan-weights.ts";
import type { PlannedWeight } from "../bundle/write-weights.ts";
import type { TextConfig } from "../text/config.ts";
import { taken } from "../text/weights.ts";

/**
 * Pairs each weight that the graphs name with the tensors of a ModernBERT checkpoint. Queries, keys and values come apart;
 * biases, which it has none of, are zeros.
 * @throws KilotuneError `bad_weights`, listing missing and unknown names and wrong shapes
 */
export function planModernbertWeights(
  shapes: ReadonlyMap<string, readonly number[]>,
  config: TextConfig,
): PlannedWeight[] {
  return planWeights(shapes, modernbertWeights(config), {
    what: "the ModernBERT encoder",
    kind: "model type modernbert",
    dropped: ["head.", "decoder.", "classifier."],
    plain: (name) => name.replace(/^model\./, ""),
  });
}

/** H hidden, I intermediate. */
function modernbertWeights(config: TextConfig): MadeWeight[] {
  const { vocabSize: V, hiddenSize: H, intermediateSize: I } = config;
  const weights = [
    taken("embeddings.word", "embeddings.tok_embeddings.weight", [V, H]),
    ...unbiased("embeddings.norm", "embeddings.norm", [H]),
  ];
  for (let at = 0; at < config.layers; at++) {
    const layer = `layer.${at}`;
    const theirs = `layers.${at}`;
    weights.push(
      ...["query", "key", "value"].flatMap((part, third) => [
        thirdOf(`${layer}.attention.${part}.weight`, `${theirs}.attn.Wqkv.weight`, H, third),
        zeros(`${layer}.attention.${part}.bias`, H),
      ]),
      ...unbiased(`${layer}.attention.output`, `${theirs}.attn.Wo`, [H, H]),
      // The first layer's input is normed already.
      ...(at === 0 ? [] : unbiased(`${layer}.attention.norm`, `${theirs}.attn_norm`, [H])),
      ...unbiased(`${layer}.intermediate`, `${theirs}.mlp.Wi`, [2 * I, H]),
      ...unbiased(`${layer}.output`, `${theirs}.mlp.Wo`, [H, I]),
      ...unbiased(`${layer}.norm`, `${theirs}.mlp_norm`, [H]),
    );
  }
  return [...weights, ...unbiased("norm", "final_norm", [H])];
}

/** Rows of queries, keys or values among all three. */
function thirdOf(ours: string, theirs: string, H: number, third: number): MadeWeight {
  return {
    ours,
    shape: [H, H],
    theirs: [{ name: theirs, shape: [3 * H, H] }],
    make: ([all]) => (all as Float32Array).slice(third * H * H, (third + 1) * H * H),
  };
}

function unbiased(ours: string, theirs: string, shape: readonly [number, ...number[]]): MadeWeight[] {
  return [taken(`${ours}.weight`, `${theirs}.weight`, shape), zeros(`${ours}.bias`, shape[0])];
}

function zeros(ours: string, size: number): MadeWeight {
  return { ours, shape: [size], theirs: [], make: () => new Float32Array(size) };
}
