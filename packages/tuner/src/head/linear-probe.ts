import { lbfgs } from "../optimizer/lbfgs.ts";
import type { LinearLoss, LinearSession } from "./linear-session.ts";

/** A linear head: logits = weight v + bias. */
export interface LinearHead {
  /** [classes, H] flat */
  readonly weight: Float32Array;
  readonly bias: Float32Array;
}

/**
 * Multinomial logistic regression on frozen vectors, the objective of scikit-learn's LogisticRegression: the sum of
 * cross-entropies times C plus |weight|^2 / 2, the bias free.
 *
 * @param vectors [rows, H] flat
 * @param rowWeights 0 leaves a row out (a fold held out), so that folds share one copy of the vectors
 * @param start a head to start from, for a path over C
 */
export async function fitLinearProbe(
  session: LinearSession,
  vectors: Float32Array,
  labels: Int32Array,
  classes: number,
  options: ProbeOptions,
): Promise<LinearHead> {
  const targets = new Float32Array(labels.length * classes);
  labels.forEach((label, row) => {
    targets[row * classes + label] = 1;
  });
  return fitLinear(session, vectors, targets, classes, options, "softmax");
}

/**
 * One logistic regression a label, each label against its absence: the sum of both losses over rows and labels times C plus
 * |weight|^2 / 2, as scikit-learn's OneVsRestClassifier has it.
 *
 * @param targets [rows, labels] flat, 0 or 1
 */
export function fitLabels(
  session: LinearSession,
  vectors: Float32Array,
  targets: ArrayLike<number>,
  labels: number,
  options: ProbeOptions,
): Promise<LinearHead> {
  return fitLinear(session, vectors, Float32Array.from(targets), labels, options, "sigmoid");
}

export interface ProbeOptions {
  readonly C: number;
  readonly rowWeights?: Float32Array;
  readonly start?: LinearHead;
}

async function fitLinear(
  session: LinearSession,
  vectors: Float32Array,
  targets: Float32Array,
  classes: number,
  options: ProbeOptions,
  kind: LinearLoss,
): Promise<LinearHead> {
  const rows = targets.length / classes;
  const total = options.rowWeights?.reduce((sum, weight) => sum + weight, 0) ?? rows;
  // The loss of sigmoids is a mean over the classes, that of regressions by themselves a sum.
  const factor = kind === "sigmoid" ? classes : 1;
  // Divided by the number of rows, so that tolerances mean the same for 20 rows and for 20,000.
  const weights = (options.rowWeights ?? new Float32Array(rows).fill(1)).map(
    (weight) => (factor * weight) / total,
  );
  const decay = 1 / (options.C * total);
  const size = classes * session.hiddenSize;
  const start = new Float64Array(size + classes);
  if (options.start !== undefined) {
    start.set(options.start.weight);
    start.set(options.start.bias, size);
  }
  const point = await lbfgs(start, async (at) => {
    const { weight, bias } = split(at, size);
    const seen = await session.loss(vectors, weight, bias, targets, weights, kind);
    const gradient = new Float64Array(at.length);
    let squares = 0;
    for (let i = 0; i < size; i++) {
      const w = at[i] as number;
      squares += w * w;
      gradient[i] = (seen.weight[i] as number) + decay * w;
    }
    gradient.set(seen.bias, size);
    return { value: seen.loss + 0.5 * decay * squares, gradient };
  });
  return split(point, size);
}

function split(point: Float64Array, size: number): LinearHead {
  return {
    weight: Float32Array.from(point.subarray(0, size)),
    bias: Float32Array.from(point.subarray(size)),
  };
}
