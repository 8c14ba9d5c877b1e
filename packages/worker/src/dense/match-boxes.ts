import type { Box } from "@kilotune/image";
import type { LabelledBox } from "@kilotune/tuner";

/** Answers from a score on, the surest first, each with the object of its class that it overlaps most, by half or more. */
export function matchBoxes<F extends LabelledBox & { readonly score: number }>(
  truths: readonly LabelledBox[],
  found: readonly F[],
  threshold: number,
): {
  readonly truths: readonly (LabelledBox & { readonly found: boolean })[];
  readonly answers: readonly (F & { readonly right: boolean })[];
} {
  const taken = new Set<number>();
  const answers = found
    .filter(({ score }) => score >= threshold)
    .sort((a, b) => b.score - a.score)
    .map((answer) => {
      let best = { at: -1, overlap: 0.5 };
      truths.forEach(({ label, box }, at) => {
        const overlap = label === answer.label && !taken.has(at) ? overlapOf(box, answer.box) : 0;
        if (overlap >= best.overlap) best = { at, overlap };
      });
      if (best.at >= 0) taken.add(best.at);
      return { ...answer, right: best.at >= 0 };
    });
  return { truths: truths.map((truth, at) => ({ ...truth, found: taken.has(at) })), answers };
}

/** Shared over joined area. */
function overlapOf(a: Box, b: Box): number {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  if (width <= 0 || height <= 0) return 0;
  const area = (box: Box) => (box[2] - box[0]) * (box[3] - box[1]);
  return (width * height) / (area(a) + area(b) - width * height);
}
