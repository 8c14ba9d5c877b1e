/**
 * AdamW (Loshchilov & Hutter, arXiv:1711.05101) as two pure-minded functions: `init` makes the state, `update` changes
 * the state and the parameters in place and nothing else.
 */
export interface AdamWSettings {
  /** Default 0.9, the paper's. */
  readonly beta1: number;
  /** Default 0.999, the paper's. */
  readonly beta2: number;
  /** Default 1e-8, the paper's. */
  readonly epsilon: number;
  /** Share of the learning rate; default 0: prompts are too small to be worth shrinking. */
  readonly weightDecay: number;
}

export const ADAMW_DEFAULTS: AdamWSettings = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 };

export interface AdamWState {
  step: number;
  readonly mean: Float32Array;
  readonly square: Float32Array;
}

export function initAdamW(size: number): AdamWState {
  return { step: 0, mean: new Float32Array(size), square: new Float32Array(size) };
}

export function updateAdamW(
  state: AdamWState,
  parameters: Float32Array,
  gradients: Float32Array,
  learningRate: number,
  settings: AdamWSettings = ADAMW_DEFAULTS,
): void {
  const { beta1, beta2, epsilon, weightDecay } = settings;
  state.step++;
  const correction1 = 1 - beta1 ** state.step;
  const correction2 = 1 - beta2 ** state.step;
  const { mean, square } = state;
  for (let at = 0; at < parameters.length; at++) {
    const g = gradients[at] as number;
    const m = beta1 * (mean[at] as number) + (1 - beta1) * g;
    const v = beta2 * (square[at] as number) + (1 - beta2) * g * g;
    mean[at] = m;
    square[at] = v;
    const p = parameters[at] as number;
    parameters[at] =
      p - learningRate * (m / correction1 / (Math.sqrt(v / correction2) + epsilon) + weightDecay * p);
  }
}
