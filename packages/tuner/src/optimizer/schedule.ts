/**
 * Factor on the learning rate at a step: a linear warm-up, then half a cosine down to zero.
 * @param step from 0
 * @param warmup share of all steps, 0..1
 */
export function warmupCosine(step: number, totalSteps: number, warmup: number): number {
  const rise = warmup > 0 ? Math.min(1, (step + 1) / (warmup * totalSteps)) : 1;
  return rise * 0.5 * (1 + Math.cos((Math.PI * step) / totalSteps));
}
