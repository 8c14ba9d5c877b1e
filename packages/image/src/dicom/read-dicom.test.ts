import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { DEFAULT_LIMITS } from "../limits.ts";
import { createSharpCodec } from "../node/sharp-codec.ts";
import { readDicom } from "./read-dicom.ts";

/** By pydicom: see goldens/make.py. */
const golden = (name: string) => readFileSync(new URL(`goldens/${name}`, import.meta.url));
const wanted: Record<string, { frame: number; frames: number; pixels: number[] }> = JSON.parse(
  golden("wanted.json").toString(),
);
const options = { limits: DEFAULT_LIMITS, codec: createSharpCodec(), frame: 0 };

describe("DICOM", () => {
  it.each(Object.keys(wanted))("%s: pixels as pydicom's, within 1", async (name) => {
    const { frame, frames, pixels } = wanted[name]!;
    const read = await readDicom(golden(`${name}.dcm`), { ...options, frame });
    expect(read.frames).toBe(frames);
    expect(read.pixels.data.length).toBe(pixels.length);
    const apart = pixels.map((value, i) => Math.abs(value - read.pixels.data[i]!));
    expect(Math.max(...apart)).toBeLessThanOrEqual(1);
    expect(apart.reduce((a, b) => a + b) / apart.length).toBeLessThan(0.3);
  });

  it("shows one study alike however it is stored, MONOCHROME1 turned over once", async () => {
    const [mono2, mono1] = await Promise.all(
      ["mono2.dcm", "mono1.dcm"].map((name) => readDicom(golden(name), options)),
    );
    expect(mono1!.pixels.data).toEqual(mono2!.pixels.data.map((level) => 255 - level));
  });

  it("keeps nothing that names a person", async () => {
    const kept = await readDicom(golden("mono2.dcm"), options);
    expect(Object.keys(kept).sort()).toEqual(["burnedIn", "frames", "modality", "pixels"]);
    expect(kept.modality).toBe("CT");
    expect(JSON.stringify({ ...kept, pixels: null })).not.toMatch(/Doe|12345|1970/);
  });

  it("says which frame, compression or damage it can't read", async () => {
    const codeOf = (bytes: Uint8Array, frame = 0) =>
      readDicom(bytes, { ...options, frame }).then(
        () => "read",
        (error) => error.code,
      );
    const mono2 = golden("mono2.dcm");
    const jpegLossless = Buffer.from(mono2);
    const at = jpegLossless.indexOf("1.2.840.10008.1.2.1\0");
    expect(at).toBeGreaterThan(0);
    jpegLossless.write("1.2.840.10008.1.2.9\0", at);
    expect(await codeOf(mono2, 1)).toBe("dicom_frame");
    expect(await codeOf(jpegLossless)).toBe("dicom_compression");
    expect(await codeOf(mono2.subarray(0, mono2.length - 10))).toBe("image_unreadable");
    for (let cut = 132; cut < mono2.length; cut += 7)
      expect(await codeOf(mono2.subarray(0, cut))).toMatch(/^(?:image_unreadable|dicom_\w+)$/);
  });
});
