import type { LabelMap } from "../masks/label-map.ts";
import type { Pixels } from "../pixels.ts";
import { loadSharp } from "./load-sharp.ts";

export function encodePng({ width, height, channels, data }: Pixels): Promise<Uint8Array> {
  return loadSharp()(data, { raw: { width, height, channels } })
    .toColourspace(channels === 1 ? "b-w" : "srgb")
    .png()
    .toBuffer();
}

/** Grey, each pixel's level the number of its class: what `readMask` reads. */
export function encodeMask({ width, height, data }: LabelMap): Promise<Uint8Array> {
  return encodePng({ width, height, channels: 1, data });
}
