import { type Augmentation, augmentMap, augmentPixels, decodeImage } from "@kilotune/image";
import type { LabelMap } from "@kilotune/image/masks";
import { createSharpCodec, encodePng } from "@kilotune/image/node";
import type { Pictures } from "./dense.ts";

/**
 * Each picture as `across` x `across` pictures of its own: a backbone of patches sees each part enlarged. No pixel is in two,
 * so that a score over all parts is a score over the whole pictures.
 */
export async function tilesOf(
  { files, truths }: Pictures<LabelMap>,
  across: number,
): Promise<Pictures<LabelMap>> {
  if (across === 1) return { files, truths };
  const codec = createSharpCodec();
  const tiles: { files: (() => Promise<Uint8Array>)[]; truths: LabelMap[] } = { files: [], truths: [] };
  for (const [at, file] of files.entries()) {
    const pixels = await decodeImage(codec, await file());
    for (let tile = 0; tile < across ** 2; tile++) {
      const cut = partOf(pixels, across, tile % across, Math.floor(tile / across));
      const png = await encodePng(augmentPixels(pixels, cut));
      tiles.files.push(async () => png);
      tiles.truths.push(augmentMap(truths[at] as LabelMap, cut));
    }
  }
  return tiles;
}

function partOf(of: { width: number; height: number }, across: number, x: number, y: number): Augmentation {
  const edge = (side: number, place: number) => Math.round((side * place) / across);
  const [left, top] = [edge(of.width, x), edge(of.height, y)];
  return {
    crop: { left, top, width: edge(of.width, x + 1) - left, height: edge(of.height, y + 1) - top },
    flipX: false,
    flipY: false,
    transpose: false,
    colour: { brightness: 1, contrast: 1, saturation: 1 },
  };
}
