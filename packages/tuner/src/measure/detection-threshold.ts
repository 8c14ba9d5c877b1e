import type { DetectionScore } from "./average-precision.ts";

/**
 * The score from which on answers are given: where F1, averaged over the classes that have something to find, is best. Of
 * equals the highest, so that less is invented. Fallback where nothing was found, or there was nothing to find: 0.5.
 *
 * @param score of held-out images, their answers decoded with a low threshold
 */
export function bestThreshold({ perClass }: Pick<DetectionScore, "perClass">): number {
  const curves = perClass.flatMap(({ curve }) => (curve === null ? [] : [curve]));
  const candidates = [...new Set(curves.flatMap(({ score }) => [...score]))]
    .filter((score) => score > 0)
    .sort((a, b) => b - a);
  let best = { threshold: 0.5, f1: 0 };
  for (const threshold of candidates) {
    const f1 = curves.reduce((sum, curve) => sum + f1At(curve, threshold), 0) / curves.length;
    if (f1 > best.f1) best = { threshold, f1 };
  }
  return best.threshold;
}

type Curve = NonNullable<DetectionScore["perClass"][number]["curve"]>;

/** Recalls are 0, 0.01 .. 1; the score falls as the recall rises, and is 0 where a recall is never reached. */
function f1At({ precision, score }: Curve, threshold: number): number {
  let at = -1;
  while (at + 1 < score.length && (score[at + 1] as number) >= threshold) at++;
  if (at <= 0) return 0;
  const [p, r] = [precision[at] as number, at / 100];
  return (2 * p * r) / (p + r);
}
