import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { boundaryF1 } from "./boundary-f1.ts";
import { SegmentationTally } from "./segmentation.ts";

/** By numpy and scipy: see goldens/make_segmentations.py. */
const golden = JSON.parse(readFileSync(new URL("goldens/segmentations.json", import.meta.url), "utf8"));

describe("masks", () => {
  it("have numpy's IoU, Dice and accuracy, pixels of no class aside", () => {
    const tally = new SegmentationTally(4);
    for (const { truth, answer } of golden.rows) tally.add(truth, answer);
    const score = tally.score();
    expect(score.perClass.map(({ iou }) => iou)).toEqual([...golden.iou, null]);
    expect(score.perClass.map(({ dice }) => dice)).toEqual([...golden.dice, null]);
    expect(score.meanIou).toBeCloseTo(golden.iou.reduce((a: number, b: number) => a + b) / 3, 12);
    expect(score.pixelAccuracy).toBe(golden.accuracy);
  });

  it("have DAVIS's boundary measure", () => {
    for (const { width, height, tolerance, truth, answer, boundary } of golden.rows) {
      const [a, b] = [truth, answer].map((map: number[]) => map.map((label) => Number(label === 1))) as [
        number[],
        number[],
      ];
      expect(boundaryF1(a, b, width, height, tolerance)).toBeCloseTo(boundary, 12);
    }
  });

  it("score nothing where there is nothing", () => {
    const { meanIou, pixelAccuracy } = new SegmentationTally(2).score();
    expect([meanIou, pixelAccuracy]).toEqual([0, 0]);
    expect(boundaryF1([1, 1], [1, 1], 2, 1)).toBe(1);
  });
});
