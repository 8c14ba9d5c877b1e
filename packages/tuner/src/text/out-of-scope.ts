import { auroc } from "../measure/auroc.ts";

/** How surely a row is one of the classes: the higher, the surer. As a prompt's calibration names them. */
export type ScopeScore = "probability" | "energy";

/** Of each row; logits [rows, classes] flat. probability: of the likeliest class; energy: T ln sum e^(logit / T). */
export function scopeScores(
  score: ScopeScore,
  logits: Float32Array,
  classes: number,
  temperature: number,
): Float64Array {
  return Float64Array.from({ length: logits.length / classes }, (_, row) => {
    const own = logits.subarray(row * classes, (row + 1) * classes);
    const largest = own.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    const sum = own.reduce((total, logit) => total + Math.exp((logit - largest) / temperature), 0);
    return score === "probability" ? 1 / sum : largest + temperature * Math.log(sum);
  });
}

/** Below `threshold` a row is none of the classes'. */
export interface ScopeChoice {
  readonly score: ScopeScore;
  readonly threshold: number;
}

/**
 * Chooses from held-out rows, never from a test file: with held-out rows of no class, the score that tells them apart best,
 * at the threshold where both kinds are right equally often; without, the energy that all but `spared` of the rows reach.
 *
 * @param inScope logits of held-out rows of the classes @param outside of rows of none
 * @param spared share of the rows of the classes that may be turned away where no others are known
 */
export function chooseScope(
  logits: { readonly inScope: Float32Array; readonly outside?: Float32Array },
  classes: number,
  temperature: number,
  spared = 0.05,
): ScopeChoice {
  const of = (score: ScopeScore, rows: Float32Array) => scopeScores(score, rows, classes, temperature);
  const { inScope, outside } = logits;
  if (outside === undefined || outside.length === 0) {
    const sorted = of("energy", inScope).sort();
    return {
      score: "energy",
      threshold: sorted[Math.floor(spared * sorted.length)] ?? Number.NEGATIVE_INFINITY,
    };
  }
  const areas = (["energy", "probability"] as const).map((score) => ({
    score,
    area: auroc(of(score, inScope), of(score, outside)),
  }));
  const { score } = areas.reduce((best, next) => (next.area > best.area ? next : best));
  return { score, threshold: balanced(of(score, inScope), of(score, outside)) };
}

/** Where the mean of both kinds' shares of right answers is largest; halfway to the score below. */
function balanced(inScope: Float64Array, outside: Float64Array): number {
  const [inside, others] = [inScope.slice().sort(), outside.slice().sort()];
  const all = Float64Array.from([...inside, ...others]).sort();
  let best = { gain: Number.NEGATIVE_INFINITY, threshold: all[0] as number };
  let [lost, caught] = [0, 0];
  for (const [at, candidate] of all.entries()) {
    while (lost < inside.length && (inside[lost] as number) < candidate) lost++;
    while (caught < others.length && (others[caught] as number) < candidate) caught++;
    const gain = caught / others.length - lost / inside.length;
    const below = at === 0 ? candidate : (all[at - 1] as number);
    if (gain > best.gain) best = { gain, threshold: (below + candidate) / 2 };
  }
  return best.threshold;
}
