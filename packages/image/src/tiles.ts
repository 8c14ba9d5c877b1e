import type { Region } from "./codec.ts";
import type { Size } from "./placement.ts";
import type { Preprocessing } from "./preprocessing.ts";

/**
 * Large images in parts, each at the size that a backbone looks at: nothing is made smaller, so that what is some pixels wide
 * stays so. Neighbours overlap, and who answers merges what they say.
 */

/** The same preprocessing for tiles: a quarter of a tile is its neighbour's too. */
export function tiledPreprocessing(spec: Preprocessing): Preprocessing {
  return { ...spec, fit: { kind: "tiles", overlap: 0.25 } };
}

/**
 * Parts of an upright image, row by row, as large as the tensor and evenly spread; all of it in one where it isn't larger, or
 * where the preprocessing has no tiles.
 */
export function tilesOf(
  image: Size,
  { width, height, fit }: Pick<Preprocessing, "width" | "height" | "fit">,
): Region[] {
  if (fit.kind !== "tiles") return [{ left: 0, top: 0, width: image.width, height: image.height }];
  const { overlap } = fit;
  const across = startsOf(image.width, width, overlap);
  return startsOf(image.height, height, overlap).flatMap((top) =>
    across.map((left) => ({
      left,
      top,
      width: Math.min(width, image.width),
      height: Math.min(height, image.height),
    })),
  );
}

/** Where tiles of a side begin. */
function startsOf(length: number, tile: number, overlap: number): number[] {
  if (length <= tile) return [0];
  const count = 1 + Math.ceil((length - tile) / (tile * (1 - overlap)));
  return Array.from({ length: count }, (_, at) => Math.round((at * (length - tile)) / (count - 1)));
}
