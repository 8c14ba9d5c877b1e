import { place, tilesOf } from "@kilotune/image";
import { describe, expect, it } from "vitest";
import { mapOfLogits } from "./segmentation/cells.ts";
import type { SegmentationSpec } from "./segmentation/segmentation-head.ts";
import { noise } from "./testing.ts";
import { MapMerger, mergeBoxes } from "./tiles.ts";

/** Tiles of 12 x 12 pixels, in cells of 2. */
const FRAME = { width: 12, height: 12 };
const SPEC: SegmentationSpec = {
  width: 3,
  height: 3,
  hiddenSize: 1,
  layers: 1,
  innerWidth: 1,
  classes: 2,
  cellsPerPatch: 2,
  cellWidth: 1,
};
const FIT = { kind: "tiles", overlap: 0.25 } as const;

describe("maps of tiles", () => {
  it("of an image that is one tile are that tile's", () => {
    const logits = Float32Array.from({ length: 36 * 2 }, noise(1).normal);
    const merger = new MapMerger(FRAME, SPEC, FRAME);
    merger.add(logits, { left: 0, top: 0, ...FRAME });
    expect(merger.map()).toEqual(mapOfLogits(logits, SPEC, place(FRAME, { ...FRAME, fit: FIT })));
  });

  it("meet halfway where tiles disagree, and are as sure as the tiles' mean", () => {
    // 21 x 12 pixels in two tiles that share 3 columns: the left one says 0 with 1, the right one says 1 with 1.
    const size = { width: 21, height: 12 };
    const tiles = tilesOf(size, { ...FRAME, fit: FIT });
    expect(tiles.map(({ left }) => left)).toEqual([0, 9]);
    const merger = new MapMerger(size, SPEC, FRAME);
    const says = (label: number) => Float32Array.from({ length: 72 }, (_, at) => Number(at % 2 === label));
    tiles.forEach((tile, at) => void merger.add(says(at), tile));
    const { data } = merger.map();
    for (let y = 0; y < 12; y++) {
      const row = [...data.slice(y * 21, (y + 1) * 21)];
      expect(row.slice(0, 10)).toEqual(Array(10).fill(0));
      expect(row.slice(11)).toEqual(Array(10).fill(1));
    }
    const { pixels, logits } = merger.sample(1e6);
    expect(pixels).toHaveLength(21 * 12);
    pixels.forEach((pixel, at) => {
      const [x, right] = [pixel % 21, logits[2 * at + 1]!];
      // Of three shared columns 1/6, 1/2 and 5/6 are the right tile's.
      const expected = x < 9 ? 0 : x > 11 ? 1 : [1 / 6, 1 / 2, 5 / 6][x - 9]!;
      expect(right).toBeCloseTo(expected, 5);
      expect(logits[2 * at]! + right).toBeCloseTo(1, 5);
    });
  });
});

describe("boxes of tiles", () => {
  const tiles = tilesOf({ width: 21, height: 12 }, { ...FRAME, fit: FIT });
  const parts = (left: readonly object[], right: readonly object[]) =>
    [left, right].map((found, at) => ({ tile: tiles[at]!, found })) as Parameters<typeof mergeBoxes>[0];

  it("lie in the whole image; of what both tiles see the one nearer to its middle speaks", () => {
    const near = { label: 0, score: 0.5, box: [1, 1, 5, 5] };
    // Cut by the left tile's edge, whole in the right one: 8 to 16 of the image.
    const stub = { label: 0, score: 0.9, box: [8, 2, 12, 8] };
    const whole = { label: 0, score: 0.8, box: [0, 2, 7, 8] };
    expect(mergeBoxes(parts([near], [whole]))).toEqual([
      { label: 0, score: 0.8, box: [9, 2, 16, 8] },
      { label: 0, score: 0.5, box: [1, 1, 5, 5] },
    ]);
    const merged = mergeBoxes(parts([stub], [whole]));
    expect(merged.map(({ box }) => box)).toContainEqual([9, 2, 16, 8]);
  });

  it("seen twice stand once, the surer one; of two classes both", () => {
    // Its centre lies in the middle of what both see.
    const twice = { score: 0.7, box: [8.5, 2, 12, 8] };
    const again = { score: 0.6, box: [0, 2, 3, 8] };
    expect(mergeBoxes(parts([{ ...twice, label: 0 }], [{ ...again, label: 0 }]))).toHaveLength(1);
    expect(mergeBoxes(parts([{ ...twice, label: 0 }], [{ ...again, label: 1 }]))).toHaveLength(2);
    expect(mergeBoxes(parts([{ ...twice, label: 0 }], [{ ...again, label: 1 }]), { most: 1 })).toHaveLength(
      1,
    );
  });
});
