import { readFileSync } from "node:fs";
import { type CocoRle, parseRle } from "@kilotune/image/masks";
import { describe, expect, it } from "vitest";
import { type Shape, scoreDetections } from "./average-precision.ts";

/** By pycocotools: see goldens/make_detections.py. */
const golden = JSON.parse(readFileSync(new URL("goldens/detections.json", import.meta.url), "utf8"));

interface Given {
  readonly label: number;
  readonly box: readonly [number, number, number, number];
  readonly counts?: string;
}

describe("average precision", () => {
  it.each(golden.cases as { kind: string; images: never[]; wanted: Wanted }[])(
    "equals COCOeval's of $kind: 12 figures, each class, the curve",
    ({ images, wanted }) => {
      const given = images.map(({ truths, detections }: Record<string, Given[]>) => ({
        truths: truths!.map((truth) => ({ ...truth, shape: shapeOf(truth) })),
        detections: (detections as (Given & { score: number })[]).map((found) => ({
          ...found,
          shape: shapeOf(found),
        })),
      }));
      const score = scoreDetections(given, 4);
      const { apBySize, recall, recallBySize } = score;
      const stats = [score.ap, score.ap50, score.ap75, apBySize.small, apBySize.medium, apBySize.large];
      stats.push(
        recall[1],
        recall[10],
        recall[100],
        recallBySize.small,
        recallBySize.medium,
        recallBySize.large,
      );
      stats.forEach((value, i) => {
        expect(value ?? -1).toBeCloseTo(wanted.stats[i]!, 12);
      });
      score.perClass.forEach(({ ap }, label) => {
        const expected = wanted.perClass[label];
        if (expected === null || expected === undefined) expect(ap).toBeNull();
        else expect(ap).toBeCloseTo(expected, 12);
      });
      const { curve } = score.perClass[0]!;
      expect([...curve!.score]).toEqual(wanted.scores);
      curve!.precision.forEach((value, i) => {
        expect(value).toBeCloseTo(wanted.precision[i]!, 12);
      });
    },
  );

  it("is 1 for the truth itself, 0 for nothing, null where nothing is to be found", () => {
    const truth = { label: 0, shape: { kind: "box", box: [1, 2, 30, 40] } } as const;
    const perfect = scoreDetections([{ truths: [truth], detections: [{ ...truth, score: 0.5 }] }], 2);
    expect([perfect.ap, perfect.recall[1]]).toEqual([expect.closeTo(1, 12), 1]);
    expect(perfect.perClass[1]).toEqual({ ap: null, ap50: null, objects: 0, curve: null });
    expect(scoreDetections([{ truths: [truth], detections: [] }], 1).ap).toBe(0);
    expect(scoreDetections([{ truths: [], detections: [] }], 1).ap).toBeNull();
  });
});

interface Wanted {
  readonly stats: number[];
  readonly perClass: (number | null)[];
  readonly precision: number[];
  readonly scores: number[];
}

function shapeOf({ box: [x, y, width, height], counts }: Given): Shape {
  if (counts === undefined) return { kind: "box", box: [x, y, x + width, y + height] };
  const coco: CocoRle = { size: [golden.side, golden.side], counts };
  return { kind: "mask", mask: parseRle(coco) };
}
