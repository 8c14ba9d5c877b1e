import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { polygonsToRle, polygonToRle } from "./polygon.ts";
import {
  decodeRle,
  encodeRle,
  parseRle,
  rleArea,
  rleBox,
  rleIntersection,
  rleUnion,
  toCocoRle,
} from "./rle.ts";

/** By pycocotools: see goldens/make_masks.py. */
const golden = JSON.parse(readFileSync(new URL("../goldens/masks.json", import.meta.url), "utf8"));

describe("COCO's masks", () => {
  it("are read and written as pycocotools does", () => {
    for (const { height, width, mask, counts, area, box } of golden.rows) {
      const rle = parseRle({ size: [height, width], counts });
      expect([...decodeRle(rle)].join("")).toBe(mask);
      expect(toCocoRle(encodeRle([...mask].map(Number), width, height))).toEqual({
        size: [height, width],
        counts,
      });
      expect(rleArea(rle)).toBe(area);
      expect(rleBox(rle)).toEqual(box);
    }
  });

  it("overlap and unite as there", () => {
    for (const { height, width, counts, next, union, iouWithNext } of golden.rows) {
      const [a, b] = [counts, next].map((text) => parseRle({ size: [height, width], counts: text })) as [
        never,
        never,
      ];
      const both = rleIntersection(a, b);
      const either = rleArea(a) + rleArea(b) - both;
      expect(either === 0 ? 0 : both / either).toBe(iouWithNext);
      expect(toCocoRle(rleUnion([a, b])).counts).toBe(union);
    }
  });

  it("are drawn from polygons to the pixel", () => {
    const drawn = golden.rows.filter(({ polygon }: { polygon: unknown }) => polygon !== null);
    expect(drawn.length).toBeGreaterThan(10);
    for (const { height, width, polygon, counts } of drawn)
      expect(toCocoRle(polygonToRle(polygon, width, height)).counts).toBe(counts);
    const { polygons, counts, area } = golden.big;
    const rle = polygonsToRle(polygons, 640, 480);
    expect(toCocoRle(rle).counts).toBe(counts);
    expect(rleArea(rle)).toBe(area);
  });

  it("come back from their text whatever they are", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 30 }),
        fc.array(fc.boolean(), { minLength: 1, maxLength: 300 }),
        (width, bits) => {
          const height = Math.ceil(bits.length / width);
          const mask = Uint8Array.from({ length: width * height }, (_, i) => Number(bits[i] ?? false));
          const rle = encodeRle(mask, width, height);
          expect(parseRle(toCocoRle(rle))).toEqual(rle);
          expect(decodeRle(rle)).toEqual(mask);
        },
      ),
    );
  });

  it("are refused where they add up to another size, or to none", () => {
    for (const bad of [
      null,
      {},
      { size: [2, 2], counts: [3] },
      { size: [2, 2], counts: [5, -1] },
      { size: [2, 2], counts: "\u0001" },
      { size: [2, 2], counts: "o" },
      { size: [2 ** 20, 2 ** 20], counts: [2 ** 40] },
      { size: [0, 4], counts: [] },
    ])
      expect(() => parseRle(bad)).toThrow(expect.objectContaining({ code: "bad_rle" }));
  });
});
