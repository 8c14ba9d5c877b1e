import fc from "fast-check";
import { expect, it } from "vitest";
import { auroc } from "./auroc.ts";

it("the area under the ROC curve is the share of pairs in the right order", () => {
  const scores = fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(scores, scores, (positives, negatives) => {
      const right = positives.flatMap((p) => negatives.map((n) => (p > n ? 1 : p === n ? 0.5 : 0)));
      const share = right.reduce<number>((sum, x) => sum + x, 0) / right.length;
      expect(auroc(positives, negatives)).toBeCloseTo(share, 12);
    }),
  );
  expect(auroc([], [1])).toBeNaN();
});
