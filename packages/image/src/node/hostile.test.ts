import { readFile } from "node:fs/promises";
import { KilotuneError } from "@kilotune/contract";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { decodeImage } from "../prepare-image.ts";
import { createSharpCodec } from "./sharp-codec.ts";
import { hostileFiles } from "./testing-hostile.ts";

const codec = createSharpCodec();

describe("hostile files", async () => {
  const good = await readFile(new URL("../goldens/cmyk.jpg", import.meta.url));

  it("refuses a GIF of 35 bytes that claims 65,535 x 32,767 before any memory is taken for it", async () => {
    const gif = (await hostileFiles(good)).gif!;
    await codeOf(gif); // What loading the decoder takes isn't the file's.
    const [begun, before] = [performance.now(), process.memoryUsage.rss()];
    expect(await codeOf(gif)).toBe("image_too_large");
    expect(performance.now() - begun).toBeLessThan(500);
    expect(process.memoryUsage.rss() - before).toBeLessThan(10e6);
  });

  it("says of each other one why it can't be read, and never anything but our error", async () => {
    const codes: Record<string, string> = {};
    for (const [name, bytes] of Object.entries(await hostileFiles(good))) codes[name] = await codeOf(bytes);
    expect(codes).toMatchInlineSnapshot(`
      {
        "cutJpeg": "image_unreadable",
        "cutPng": "image_unreadable",
        "cutTiff": "image_unreadable",
        "cutWebp": "image_unreadable",
        "dicomDeep": "image_unreadable",
        "dicomIsNone": "image_unreadable",
        "empty": "image_empty",
        "gif": "image_too_large",
        "html": "image_format",
        "jpegInName": "image_unreadable",
        "longStrip": "image_too_large",
        "noHeader": "image_unreadable",
        "pdf": "image_format",
        "pngClaimsMore": "image_unreadable",
        "pngClaimsMuch": "image_too_large",
        "pngIsNone": "image_unreadable",
        "pngOfZeros": "read",
        "pngTextBomb": "read",
        "svg": "image_format",
        "text": "image_format",
        "tiffLoop": "image_unreadable",
        "webpIsNone": "image_unreadable",
      }
    `);
  });

  it("gives an image or our error for any file with bytes changed", async () => {
    const png = await sharp({ create: { width: 9, height: 9, channels: 4, background: "#f008" } })
      .png()
      .toBuffer();
    for (const file of [good, png]) {
      for (let seed = 1; seed <= 60; seed++) {
        const bent = Uint8Array.from(file);
        for (let i = 1; i <= 3; i++) bent[(seed * 7919 * i) % bent.length] = (seed * 31 * i) & 255;
        expect(await codeOf(bent)).toMatch(/^(?:read|image_\w+)$/);
      }
    }
  });
});

async function codeOf(bytes: Uint8Array): Promise<string> {
  try {
    await decodeImage(codec, bytes);
    return "read";
  } catch (error) {
    if (error instanceof KilotuneError && error.kind === "input") return error.code;
    throw error;
  }
}
