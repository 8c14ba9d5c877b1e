import type { Interval } from "@kilotune/contract";
import { prng } from "@kilotune/dataset";

/** 95 % interval of a figure over images, by drawing as many of them again and again; the same for the same images. */
export function bootstrap(
  images: number,
  figureOf: (drawn: readonly number[]) => number,
  draws: number,
): Interval {
  if (images === 0) return [0, 1];
  const random = prng(0, "bootstrap");
  const values = Array.from({ length: draws }, () =>
    figureOf(Array.from({ length: images }, () => random.integer(images))),
  )
    .filter(Number.isFinite)
    .sort((a, b) => a - b);
  const at = (share: number) => values[Math.min(values.length - 1, Math.floor(share * values.length))] ?? 0;
  return [at(0.025), at(0.975)];
}
