import { readFile } from "node:fs/promises";
import fc from "fast-check";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { encodeMask } from "../node/encode-png.ts";
import { createSharpCodec } from "../node/sharp-codec.ts";
import { type Box, boxToFrame, boxToImage, place } from "../placement.ts";
import { IGNORED, type LabelMap, mapToFrame, mapToImage } from "./label-map.ts";
import { readMask, relabel } from "./read-mask.ts";

const codec = createSharpCodec();
const golden = (name: string) => readFile(new URL(`../goldens/${name}`, import.meta.url));

describe("mask files", () => {
  it("give their numbers, of a palette or of grey", async () => {
    const numbers = JSON.parse((await golden("label-maps.json")).toString());
    for (const name of ["mask-palette.png", "mask-palette-2-bit.png", "mask-grey.png"]) {
      const map = await readMask(codec, await golden(name));
      expect([name, map.width, map.height, [...map.data]]).toEqual([name, 7, 6, numbers]);
    }
    const map = { width: 7, height: 6, data: Uint8Array.from(numbers) };
    expect(await readMask(codec, await encodeMask(map))).toEqual(map);
    expect(relabel(map, [2, 0]).data.slice(0, 4)).toEqual(
      Uint8Array.from(numbers.slice(0, 4), (n: number) => [1, IGNORED, 0, IGNORED][n]!),
    );
  });

  it("are refused where numbers may be lost", async () => {
    const image = sharp({ create: { width: 4, height: 4, channels: 3, background: "#123" } });
    const kinds = {
      jpeg: await image.clone().jpeg().toBuffer(),
      colours: await image.clone().png().toBuffer(),
      alpha: await image.clone().ensureAlpha().png().toBuffer(),
      sixteen: await image.clone().toColourspace("grey16").png().toBuffer(),
    };
    const codes = await Promise.all(
      Object.values(kinds).map((file) =>
        readMask(codec, file).then(
          () => "read",
          (error) => error.message,
        ),
      ),
    );
    expect(codes).toMatchInlineSnapshot(`
      [
        "expected a mask in PNG, seen jpeg.",
        "expected a mask of a palette or of 8-bit grey without alpha, seen colours.",
        "expected a mask of a palette or of 8-bit grey without alpha, seen colours with alpha.",
        "expected a mask of a palette or of 8-bit grey without alpha, seen 16 bits.",
      ]
    `);
  });
});

const FITS = [{ kind: "letterbox" }, { kind: "stretch" }, { kind: "crop", share: 0.8 }] as const;
const side = fc.integer({ min: 1, max: 300 });

describe("boxes and masks", () => {
  it("come back where they were, cut by what is seen", () => {
    fc.assert(
      fc.property(
        side,
        side,
        side,
        side,
        fc.constantFrom(...FITS),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 4, maxLength: 4 }),
        (w, h, width, height, fit, at) => {
          const placement = place({ width: w, height: h }, { width, height, fit });
          const { region, inner } = placement;
          expect(inner.left + inner.width).toBeLessThanOrEqual(width);
          expect(inner.top + inner.height).toBeLessThanOrEqual(height);
          expect(region.left + region.width).toBeLessThanOrEqual(w);
          const x = [at[0]! * w, at[1]! * w].sort((a, b) => a - b);
          const y = [at[2]! * h, at[3]! * h].sort((a, b) => a - b);
          const box: Box = [x[0]!, y[0]!, x[1]!, y[1]!];
          const seen = boxToFrame(box, placement);
          if (seen === null) return;
          const back = boxToImage(seen, placement)!;
          const cut = [
            Math.max(box[0], region.left),
            Math.max(box[1], region.top),
            Math.min(box[2], region.left + region.width),
            Math.min(box[3], region.top + region.height),
          ];
          back.forEach((value, i) => {
            expect(value).toBeCloseTo(cut[i]!, 6);
          });
        },
      ),
    );
  });

  it("map a mask to the frame and back without loss where the frame is larger", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 30 }),
        fc.constantFrom(...FITS),
        (width, height, fit) => {
          const map: LabelMap = {
            width,
            height,
            data: Uint8Array.from({ length: width * height }, (_, i) => i % 7),
          };
          const placement = place(map, { width: 100, height: 90, fit });
          const back = mapToImage(mapToFrame(map, placement), placement);
          const { left, top, width: wide, height: high } = placement.region;
          back.data.forEach((value, i) => {
            const [x, y] = [i % width, Math.floor(i / width)];
            const seen = x >= left && x < left + wide && y >= top && y < top + high;
            expect(value).toBe(seen ? map.data[i] : IGNORED);
          });
        },
      ),
      { numRuns: 40 },
    );
  });

  it("spreads a grid of patches over the image", () => {
    const placement = place({ width: 40, height: 20 }, { width: 28, height: 28, fit: { kind: "letterbox" } });
    const { data } = mapToImage({ width: 2, height: 2, data: Uint8Array.from([1, 2, 3, 4]) }, placement);
    expect([data[0], data[39], data[40 * 19], data[40 * 19 + 39]]).toEqual([1, 2, 3, 4]);
  });
});
