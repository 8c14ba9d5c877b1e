import { readFile } from "node:fs/promises";
import sharp, { type Sharp } from "sharp";
import { expect, it } from "vitest";
import { imageFacts, maskFacts } from "./facts.ts";
import { createSharpCodec } from "./node/sharp-codec.ts";

const codec = createSharpCodec();
const golden = (name: string) => readFile(new URL(name, import.meta.url));

it("copies that were scaled, saved again or brightened look alike, other scenes don't", async () => {
  const scenes = [1, 2, 3, 4].map((seed) => scene(seed));
  const hashes = await Promise.all(scenes.map((image) => hashOf(image.clone().png())));
  const copies = await Promise.all([
    hashOf(scenes[0]!.clone().jpeg({ quality: 60 })),
    hashOf(scenes[0]!.clone().resize(80, 60).png()),
    hashOf(scenes[0]!.clone().linear(1.1, 6).png()),
    hashOf(scenes[0]!.clone().toColourspace("b-w").png()),
  ]);
  expect(Math.max(...copies.map((copy) => distance(copy!, hashes[0]!)))).toBeLessThanOrEqual(6);
  for (let i = 1; i < hashes.length; i++) expect(distance(hashes[0]!, hashes[i]!)).toBeGreaterThan(20);
  const flat = sharp({ create: { width: 50, height: 50, channels: 3, background: "#678" } });
  expect(await hashOf(flat.png())).toBeNull();
});

it("tell size, kind and bytes, of masks the numbers, of DICOM no name", async () => {
  const mask = await golden("goldens/mask-palette.png");
  expect(await maskFacts(codec, mask)).toEqual({ width: 7, height: 6, values: [0, 1, 2, 3] });
  const { sha256, perceptual, ...facts } = await imageFacts(codec, await golden("dicom/goldens/frames.dcm"));
  expect(facts).toEqual({ format: "dicom", width: 6, height: 4, channels: 1, frames: 3, burnedIn: false });
  expect(sha256).toMatch(/^[0-9a-f]{64}$/);
  expect(perceptual).toMatch(/^[0-9a-f]{32}$/);
  const cmyk = await imageFacts(codec, await golden("goldens/cmyk.jpg"));
  expect([cmyk.format, cmyk.channels, cmyk.width]).toEqual(["jpeg", 4, 32]);
});

function scene(seed: number) {
  const [width, height] = [200, 150];
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const [x, y, c] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width), i % 3];
    return (
      120 +
      60 * Math.sin((x * seed) / 23 + seed) +
      50 * Math.cos((y * (5 - seed)) / 17 + c * 0.2 + seed * seed)
    );
  });
  return sharp(data, { raw: { width, height, channels: 3 } });
}

async function hashOf(image: Sharp): Promise<string | null> {
  return (await imageFacts(codec, await image.toBuffer())).perceptual;
}

function distance(a: string, b: string): number {
  const bits = (hash: string) => BigInt(`0x${hash}`);
  return (bits(a) ^ bits(b)).toString(2).replaceAll("0", "").length;
}
