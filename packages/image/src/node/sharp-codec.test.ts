import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import sharp from "sharp";
import { decodeImage, prepareImage } from "../prepare-image.ts";
import { IMAGENET, type Preprocessing } from "../preprocessing.ts";
import type { Colour, Pixels } from "../pixels.ts";
import { resample } from "../resample.ts";
import { createSharpCodec } from "./sharp-codec.ts";

const codec = createSharpCodec();
const SPEC: Preprocessing = {
  width: 24,
  height: 24,
  fit: { kind: "stretch" },
  kernel: "linear",
  background: [255, 255, 255],
  ...IMAGENET,
};

/** Four corners of different colours, so that a turn shows. */
const CORNERS = picture(40, 20, (x, y) =>
  y < 10 ? (x < 20 ? [200, 30, 30] : [30, 200, 30]) : x < 20 ? [30, 30, 200] : [200, 200, 30],
);

describe("turned images", () => {
  it("come upright in all eight EXIF orientations", async () => {
    for (let orientation = 1; orientation <= 8; orientation++) {
      const turned = await unturn(CORNERS, orientation);
      const file = await encode(turned).withMetadata({ orientation }).png().toBuffer();
      expect(await decodeImage(codec, file)).toEqual(CORNERS);
      const half = { ...SPEC, width: 20, height: 10, fit: { kind: "crop", share: 0.5 } } as const;
      const upright = await encode(CORNERS).png().toBuffer();
      expect(await prepareImage(codec, file, half)).toEqual(await prepareImage(codec, upright, half));
    }
  });
});

describe("kinds of pixels", () => {
  const grey = picture(16, 16, (x, y) => [x * 10 + y, x * 10 + y, x * 10 + y]);
  const white: Colour = [255, 255, 255];

  it("gives grey, 16-bit grey, palette and 1-bit files what colour files give", async () => {
    const grey1: Pixels = { ...grey, channels: 1, data: grey.data.filter((_, i) => i % 3 === 0) };
    const files = {
      grey: await encode(grey1).toColourspace("b-w").png().toBuffer(),
      grey16: await encode(grey1).toColourspace("grey16").png().toBuffer(),
      colour16: await encode(grey).toColourspace("rgb16").png().toBuffer(),
      palette: await encode(CORNERS).png({ palette: true, colours: 4 }).toBuffer(),
      tiff: await encode(grey).tiff({ compression: "deflate" }).toBuffer(),
      webp: await encode(grey).webp({ lossless: true }).toBuffer(),
    };
    const bits = { grey: 8, grey16: 16, colour16: 16 } as const;
    for (const [name, depth] of Object.entries(bits)) {
      const header = await codec.inspect(files[name as keyof typeof bits], "png");
      expect([name, header.bitsPerChannel]).toEqual([name, depth]);
    }
    const { tensor } = await prepareImage(codec, await encode(grey).png().toBuffer(), SPEC);
    for (const name of ["grey", "grey16", "colour16", "tiff", "webp"] as const)
      expect([name, worst((await prepareImage(codec, files[name], SPEC)).tensor, tensor)]).toEqual([name, 0]);
    expect(await decodeImage(codec, files.palette)).toEqual(CORNERS);
    const bit = await decodeImage(codec, await golden("one-bit.png"));
    expect([...bit.data.subarray(0, 2 * bit.channels)]).toEqual(
      bit.channels === 1 ? [255, 0] : [255, 255, 255, 0, 0, 0],
    );
  });

  it("lays alpha over the background that was declared, grey with alpha too", async () => {
    const rgba = new Uint8Array(16 * 16 * 4).map((_, i) => [10, 200, 90, Math.floor(i / 4)][i % 4]!);
    const colour = await sharp(rgba, { raw: { width: 16, height: 16, channels: 4 } })
      .png()
      .toBuffer();
    const la = new Uint8Array(16 * 16 * 2).map((_, i) => [120, Math.floor(i / 2)][i % 2]!);
    const faint = await sharp(la, { raw: { width: 16, height: 16, channels: 2 } })
      .toColourspace("b-w")
      .png()
      .toBuffer();
    for (const background of [white, [0, 60, 255]] as const) {
      for (const [file, ink] of [
        [colour, [10, 200, 90]],
        [faint, [120, 120, 120]],
      ] as const) {
        const { data, channels } = await decodeImage(codec, file, { background });
        expect(channels).toBe(3);
        const wanted = Array.from({ length: 16 * 16 * 3 }, (_, i) => {
          const alpha = Math.floor(i / 3) / 255;
          return ink[i % 3]! * alpha + background[i % 3]! * (1 - alpha);
        });
        expect(Math.max(...wanted.map((value, i) => Math.abs(value - data[i]!)))).toBeLessThanOrEqual(1);
      }
    }
  });

  it("multiplies inks as Pillow does, Adobe's inverted ones too", async () => {
    const wanted = JSON.parse((await golden("images.json")).toString());
    for (const name of ["cmyk.jpg", "cmyk.tif"]) {
      const { data, width, channels } = await decodeImage(codec, await golden(name));
      const seen = [0, 1, 2, 3].flatMap((i) => [
        ...data.subarray((16 * width + 8 * i + 4) * channels).subarray(0, 3),
      ]);
      expect(worst(seen, wanted[name].flat())).toBeLessThanOrEqual(name === "cmyk.jpg" ? 2 : 1);
    }
  });

  it("takes the first frame of an animation", async () => {
    const frames = await Promise.all(
      [CORNERS, picture(40, 20, () => [0, 0, 0])].map((frame) => encode(frame).png().toBuffer()),
    );
    const file = await sharp(frames, { join: { animated: true } })
      .gif()
      .toBuffer();
    expect((await codec.inspect(file, "gif")).frames).toBe(2);
    expect(await decodeImage(codec, file)).toEqual(CORNERS);
  });
});

describe("scaling", () => {
  it("gives the numbers of the browser's side, shrinking, growing, and both", async () => {
    const noise = picture(83, 61, (x, y) => [(x * 37 + y * 91) % 256, (x * x + y) % 256, (x * y) % 256]);
    for (const kernel of ["linear", "cubic"] as const) {
      for (const [width, height] of [
        [24, 24],
        [20, 13],
        [83, 200],
        [200, 30],
        [160, 160],
      ] as const) {
        const region = { left: 3, top: 5, width: 80, height: 50 };
        const view = { region, width, height, kernel, background: white };
        const ours = resample(noise, region, width, height, kernel);
        const theirs = await codec.render({ kind: "pixels", pixels: noise }, view);
        expect([theirs.width, theirs.height]).toEqual([width, height]);
        expect(worst(theirs.data, ours.data)).toBeLessThanOrEqual(1);
      }
    }
  });

  it("shrinks what was decoded, never what a decoder has shrunk by itself", async () => {
    const fine = picture(400, 300, (x, y) => [(x * 13) % 200, (y * 11) % 200, ((x + y) * 7) % 200]);
    for (const [format, file] of [
      ["jpeg", await encode(fine).jpeg().toBuffer()],
      ["webp", await encode(fine).webp().toBuffer()],
    ] as const) {
      const whole = await decodeImage(codec, file);
      const region = { left: 0, top: 0, width: 400, height: 300 };
      const header = await codec.inspect(file, format);
      for (const side of [9, 17, 60, 160]) {
        const view = { region, width: side, height: side, kernel: "linear", background: white } as const;
        const seen = await codec.render({ kind: "file", bytes: file, header }, view);
        expect(worst(seen.data, resample(whole, region, side, side, "linear").data)).toBeLessThanOrEqual(1);
      }
    }
  });

  const white: Colour = [255, 255, 255];
});

function golden(name: string): Promise<Buffer> {
  return readFile(new URL(`../goldens/${name}`, import.meta.url));
}

function picture(width: number, height: number, at: (x: number, y: number) => Colour): Pixels {
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) data.set(at(i % width, Math.floor(i / width)), i * 3);
  return { width, height, channels: 3, data: Buffer.from(data) };
}

function encode({ width, height, channels, data }: Pixels) {
  return sharp(data, { raw: { width, height, channels } });
}

/** What a camera held that way stores of an upright picture. */
async function unturn(upright: Pixels, orientation: number): Promise<Pixels> {
  const image = encode(upright);
  // EXIF: what must be done to the stored picture; here its inverse.
  if ([2, 5, 7].includes(orientation)) image.flop();
  if (orientation === 4) image.flip();
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
  const angle = [0, 0, 0, 180, 0, 270, 270, 90, 90][orientation]!;
  const turned = sharp(data, { raw: { width: info.width, height: info.height, channels: 3 } }).rotate(angle);
  const result = await turned.raw().toBuffer({ resolveWithObject: true });
  return { width: result.info.width, height: result.info.height, channels: 3, data: result.data };
}

function worst(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i]! - b[i]!));
  return most;
}
