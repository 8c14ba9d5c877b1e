import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { resample } from "./resample.ts";

/** By Pillow: see goldens/make_scaled.py. That libvips' numbers are met to the bit is in node/sharp-codec.test.ts. */
const { scene, cases } = JSON.parse(readFileSync(new URL("goldens/scaled.json", import.meta.url), "utf8"));

it.each(cases as { kernel: "linear" | "cubic"; width: number; height: number; pixels: number[] }[])(
  "$kernel to $width x $height: near what Pillow gives to those who trained a backbone",
  ({ kernel, width, height, pixels }) => {
    const image = { width: 60, height: 45, channels: 1, data: Uint8Array.from(scene) } as const;
    const { data } = resample(image, { left: 0, top: 0, width: 60, height: 45 }, width, height, kernel);
    const from = width === 100 ? 35 * 100 : 0;
    const apart = pixels.map((value, i) => Math.abs(value - data[from + i]!));
    const mean = apart.reduce((a, b) => a + b) / apart.length;
    // Past 4 x libvips takes boxes first, where Pillow's filter grows on.
    const far = width === 5;
    expect(Math.max(...apart)).toBeLessThanOrEqual(far ? 5 : 2);
    expect(mean).toBeLessThan(far ? 2 : 0.4);
  },
);
