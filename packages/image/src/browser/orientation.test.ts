import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { findOrientation } from "./exif-orientation.ts";
import { turnUpright } from "./turn-upright.ts";

const [width, height] = [6, 4];
const pixels = Uint8Array.from({ length: width * height * 3 }, (_, i) => i);
const stored = () => sharp(pixels, { raw: { width, height, channels: 3 } });

describe("orientation without a browser's help", () => {
  it("is found in every format, and gone once it is written over", async () => {
    for (let orientation = 2; orientation <= 8; orientation++) {
      for (const format of ["jpeg", "png", "webp"] as const) {
        const file = await stored().withMetadata({ orientation }).toFormat(format).toBuffer();
        const found = findOrientation(file, format);
        expect([format, found?.value]).toEqual([format, orientation]);
        file[found!.at] = 1;
        expect(findOrientation(file, format)?.value).toBe(1);
      }
    }
    expect(findOrientation(await stored().jpeg().toBuffer(), "jpeg")).toBeNull();
    expect(findOrientation(await stored().webp().toBuffer(), "webp")).toBeNull();
    expect(findOrientation(await stored().gif().toBuffer(), "gif")).toBeNull();
  });

  it("says nothing of a file that is cut anywhere", async () => {
    for (const format of ["jpeg", "png", "webp"] as const) {
      const file = await stored().withMetadata({ orientation: 6 }).toFormat(format).toBuffer();
      for (let end = 12; end < file.length; end++)
        expect([null, 6]).toContain(findOrientation(file.subarray(0, end), format)?.value ?? null);
    }
  });

  it("turns pixels as sharp does", async () => {
    for (let orientation = 1; orientation <= 8; orientation++) {
      const file = await stored().withMetadata({ orientation }).png().toBuffer();
      const { data, info } = await sharp(file).autoOrient().raw().toBuffer({ resolveWithObject: true });
      const ours = turnUpright({ width, height, channels: 3, data: pixels }, orientation);
      expect([ours.width, ours.height, ...ours.data]).toEqual([info.width, info.height, ...data]);
    }
  });
});
