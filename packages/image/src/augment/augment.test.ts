import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { LabelMap } from "../masks/label-map.ts";
import type { Pixels } from "../pixels.ts";
import type { Box } from "../placement.ts";
import { augmentBoxes, augmentMap, augmentPixels } from "./apply-augmentation.ts";
import { AUGMENTATIONS, type Augmentation, drawAugmentation } from "./draw-augmentation.ts";

const PLAIN = { brightness: 1, contrast: 1, saturation: 1 };

describe("augmentation", () => {
  it("moves a box, its pixels and its mask together", () => {
    fc.assert(
      fc.property(arbitrarySize, fc.array(fc.nat(999), { minLength: 12, maxLength: 12 }), (size, seeds) => {
        const drawn = drawAugmentation(given(seeds), size, AUGMENTATIONS.detect);
        const augmentation: Augmentation = { ...drawn, colour: PLAIN };
        const box = boxIn(size, seeds);
        const moved = augmentBoxes([{ box }], augmentation, 0);
        const pixels = augmentPixels(drawn1(size, box), augmentation);
        const map = augmentMap(drawn1(size, box), augmentation);
        expect(pixels.data).toEqual(Uint8ClampedArray.from(map.data));
        const after = { width: map.width, height: map.height };
        expect(map.data).toEqual(
          moved.length === 0 ? new Uint8Array(map.data.length) : drawn1(after, moved[0]!.box).data,
        );
      }),
    );
  });

  it("is the same for the same numbers and stays in its range", () => {
    fc.assert(
      fc.property(arbitrarySize, fc.array(fc.nat(999), { minLength: 12, maxLength: 12 }), (size, seeds) => {
        for (const range of Object.values(AUGMENTATIONS)) {
          const drawn = drawAugmentation(given(seeds), size, range);
          expect(drawAugmentation(given(seeds), size, range)).toEqual(drawn);
          const { crop, colour } = drawn;
          expect(crop.left + crop.width).toBeLessThanOrEqual(size.width);
          expect(crop.top + crop.height).toBeLessThanOrEqual(size.height);
          expect(crop.width * crop.height).toBeGreaterThan(0);
          for (const factor of Object.values(colour))
            expect(Math.abs(factor - 1)).toBeLessThanOrEqual(range.colour);
          if (!range.flipY) expect(drawn.flipY).toBe(false);
        }
      }),
    );
  });

  it("drops what is hardly seen any more", () => {
    const augmentation = {
      crop: { left: 8, top: 0, width: 12, height: 10 },
      flipX: true,
      flipY: false,
      transpose: false,
      colour: PLAIN,
    };
    const objects: { name: string; box: Box }[] = [
      { name: "most", box: [4, 2, 16, 6] },
      { name: "stub", box: [0, 0, 10, 10] },
      { name: "gone", box: [0, 0, 8, 10] },
    ];
    expect(augmentBoxes(objects, augmentation)).toEqual([{ name: "most", box: [4, 2, 12, 6] }]);
  });

  it("changes colour by hand numbers", () => {
    const pixels: Pixels = {
      width: 2,
      height: 1,
      channels: 3,
      data: Uint8Array.from([100, 100, 100, 200, 100, 0]),
    };
    const whole = {
      crop: { left: 0, top: 0, width: 2, height: 1 },
      flipX: false,
      flipY: false,
      transpose: false,
    };
    const change = (colour: Partial<typeof PLAIN>) => [
      ...augmentPixels(pixels, { ...whole, colour: { ...PLAIN, ...colour } }).data,
    ];
    expect(change({})).toEqual([...pixels.data]);
    expect(change({ brightness: 1.1 })).toEqual([110, 110, 110, 220, 110, 0]);
    expect(change({ contrast: 0.5 })).toEqual([100, 100, 100, 150, 100, 50]);
    expect(change({ saturation: 0 })).toEqual([100, 100, 100, 118, 118, 118]);
  });
});

const arbitrarySize = fc.record({
  width: fc.integer({ min: 1, max: 40 }),
  height: fc.integer({ min: 1, max: 40 }),
});

function given(seeds: number[]) {
  let at = 0;
  return { uniform: () => seeds[at++]! / 1000 };
}

function boxIn({ width, height }: { width: number; height: number }, seeds: number[]): Box {
  const [left, top] = [seeds[10]! % width, seeds[11]! % height];
  return [left, top, left + 1 + (seeds[0]! % (width - left)), top + 1 + (seeds[1]! % (height - top))];
}

/** White where the box is. */
function drawn1(size: { width: number; height: number }, [xmin, ymin, xmax, ymax]: Box): Pixels & LabelMap {
  const data = Uint8Array.from({ length: size.width * size.height }, (_, i) => {
    const [x, y] = [i % size.width, Math.floor(i / size.width)];
    return x >= xmin && x < xmax && y >= ymin && y < ymax ? 255 : 0;
  });
  return { width: size.width, height: size.height, channels: 1, data };
}
