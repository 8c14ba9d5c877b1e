/**
 * L-BFGS (Liu & Nocedal, 1989) with a backtracking line search that asks for the Armijo condition, and skips a pair
 * whose curvature isn't positive. For smooth convex problems: the linear probe.
 *
 * @param evaluate value and gradient at a point; the gradient array may be reused after the next call
 * @returns the point with the smallest value seen
 */
export async function lbfgs(
  start: Float64Array,
  evaluate: (point: Float64Array) => Promise<{ value: number; gradient: Float64Array }>,
  options: { maxIterations?: number; gradientTolerance?: number; memory?: number } = {},
): Promise<Float64Array> {
  const { maxIterations = 200, gradientTolerance = 1e-5, memory = 10 } = options;
  const pairs: { step: Float64Array; change: Float64Array; rho: number }[] = [];
  let point = start;
  let { value, gradient } = await evaluate(point);
  for (let iteration = 0; iteration < maxIterations && largest(gradient) > gradientTolerance; iteration++) {
    const direction = descend(gradient, pairs);
    let slope = dot(direction, gradient);
    if (slope >= 0) {
      pairs.length = 0;
      direction.set(gradient.map((g) => -g));
      slope = -dot(gradient, gradient);
    }
    // The first direction has no scale yet: a step of length one at the most.
    let size = pairs.length === 0 ? Math.min(1, 1 / Math.sqrt(-slope)) : 1;
    let next: { point: Float64Array; value: number; gradient: Float64Array } | undefined;
    for (let attempt = 0; attempt < 20; attempt++, size /= 2) {
      const candidate = point.map((p, at) => p + size * (direction[at] as number));
      const seen = await evaluate(candidate);
      if (seen.value <= value + 1e-4 * size * slope) {
        next = { point: candidate, ...seen };
        break;
      }
    }
    if (next === undefined) break;
    const step = subtract(next.point, point);
    const change = subtract(next.gradient, gradient);
    const curvature = dot(step, change);
    if (curvature > 1e-12) {
      pairs.push({ step, change, rho: 1 / curvature });
      if (pairs.length > memory) pairs.shift();
    }
    const gain = value - next.value;
    ({ point, value, gradient } = next);
    if (gain < 1e-9 * Math.max(1, Math.abs(value))) break;
  }
  return point;
}

/** The two-loop recursion: -H g. */
function descend(
  gradient: Float64Array,
  pairs: readonly { step: Float64Array; change: Float64Array; rho: number }[],
): Float64Array {
  const q = gradient.map((g) => -g);
  const alphas: number[] = [];
  for (const { step, change, rho } of [...pairs].reverse()) {
    const alpha = rho * dot(step, q);
    alphas.push(alpha);
    axpy(q, -alpha, change);
  }
  const last = pairs.at(-1);
  if (last !== undefined) {
    const scale = 1 / (last.rho * dot(last.change, last.change));
    for (let at = 0; at < q.length; at++) q[at] = (q[at] as number) * scale;
  }
  for (const { step, change, rho } of pairs) {
    const alpha = alphas.pop() as number;
    axpy(q, alpha - rho * dot(change, q), step);
  }
  return q;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let at = 0; at < a.length; at++) sum += (a[at] as number) * (b[at] as number);
  return sum;
}

function axpy(y: Float64Array, alpha: number, x: Float64Array): void {
  for (let at = 0; at < y.length; at++) y[at] = (y[at] as number) + alpha * (x[at] as number);
}

function subtract(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, at) => value - (b[at] as number));
}

function largest(values: Float64Array): number {
  let max = 0;
  for (let at = 0; at < values.length; at++) max = Math.max(max, Math.abs(values[at] as number));
  return max;
}
