import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { place } from "./placement.ts";
import { parsePreprocessing, preprocessingSha256 } from "./preprocessing.ts";
import { tiledPreprocessing, tilesOf } from "./tiles.ts";

const SPEC = parsePreprocessing({
  width: 12,
  height: 8,
  fit: { kind: "letterbox" },
  kernel: "linear",
  background: [0, 0, 0],
  mean: [0, 0, 0],
  std: [1, 1, 1],
});
const TILED = tiledPreprocessing(SPEC);

describe("tiles", () => {
  it("cover an image of any size, in the tensor's size, and share a quarter", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 200 }), (width, height) => {
        const tiles = tilesOf({ width, height }, TILED);
        for (const tile of tiles) {
          expect(tile).toMatchObject({ width: Math.min(12, width), height: Math.min(8, height) });
          expect(tile.left + tile.width).toBeLessThanOrEqual(width);
          expect(tile.top + tile.height).toBeLessThanOrEqual(height);
          // Looked at as it is: nothing grows or shrinks.
          const { region, inner } = place(tile, TILED);
          expect([inner.width, inner.height]).toEqual([region.width, region.height]);
          expect([region.width, region.height]).toEqual([tile.width, tile.height]);
        }
        for (const [side, tile, starts] of [
          [width, 12, [...new Set(tiles.map(({ left }) => left))]],
          [height, 8, [...new Set(tiles.map(({ top }) => top))]],
        ] as const) {
          expect(starts[0]).toBe(0);
          expect(starts.at(-1)).toBe(Math.max(0, side - tile));
          starts.slice(1).forEach((start, at) => {
            // Half a pixel of rounding on either side.
            expect(start - starts[at]!).toBeLessThanOrEqual(tile * 0.75 + 1);
          });
        }
      }),
    );
  });

  it("are another preprocessing, and an image without them is one piece", async () => {
    expect(await preprocessingSha256(TILED)).not.toBe(await preprocessingSha256(SPEC));
    expect(parsePreprocessing({ ...TILED })).toEqual(TILED);
    expect(tilesOf({ width: 100, height: 9 }, SPEC)).toEqual([{ left: 0, top: 0, width: 100, height: 9 }]);
    expect(() => parsePreprocessing({ ...SPEC, fit: { kind: "tiles", overlap: 0.9 } })).toThrow(
      "fit.overlap",
    );
  });
});
