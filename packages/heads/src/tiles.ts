import { type Box, place, type Placement, type Size } from "@kilotune/image";
import type { LabelMap } from "@kilotune/image/masks";
import { type Found, suppressed } from "./detection/decode-detections.ts";
import { pixelLogits, type SampledPixels } from "./segmentation/cells.ts";
import type { SegmentationSpec } from "./segmentation/segmentation-head.ts";

/** What heads say of an image's tiles, in one piece. */

type Region = Placement["region"];

/**
 * Maps: where tiles overlap, the mean of their logits, each tile weighing the less the nearer its edge is: there it has seen least
 * of what lies around. Memory: (C + 1) numbers of 4 bytes a pixel of the whole image.
 */
export class MapMerger {
  readonly #size: Size;
  readonly #spec: SegmentationSpec;
  readonly #frame: Size;
  /** Weighed sums [pixels, C] and weights [pixels]. */
  readonly #sums: Float32Array;
  readonly #weights: Float32Array;

  /** @param frame of the tensor, in pixels */
  constructor(size: Size, spec: SegmentationSpec, frame: Size) {
    this.#size = size;
    this.#spec = spec;
    this.#frame = frame;
    this.#sums = new Float32Array(size.width * size.height * spec.classes);
    this.#weights = new Float32Array(size.width * size.height);
  }

  /** @param logits of the tile's cells */
  add(logits: Float32Array, tile: Region): void {
    const { classes: C } = this.#spec;
    const { width } = this.#size;
    const placement = place(tile, { ...this.#frame, fit: { kind: "tiles", overlap: 0 } });
    const own = pixelLogits(logits, this.#spec, placement);
    const across = ramp(tile.left, tile.width, this.#size.width);
    const down = ramp(tile.top, tile.height, this.#size.height);
    let from = 0;
    for (let y = 0; y < tile.height; y++)
      for (let x = 0; x < tile.width; x++) {
        const pixel = (tile.top + y) * width + tile.left + x;
        const weight = across[x]! * down[y]!;
        this.#weights[pixel] = this.#weights[pixel]! + weight;
        for (let c = 0; c < C; c++) {
          const to = pixel * C + c;
          this.#sums[to] = this.#sums[to]! + weight * own[from++]!;
        }
      }
  }

  /** The likeliest class of each pixel. */
  map(): LabelMap {
    const { classes: C } = this.#spec;
    const data = new Uint8Array(this.#weights.length);
    for (let pixel = 0; pixel < data.length; pixel++) {
      let best = 0;
      for (let c = 1; c < C; c++) if (this.#sums[pixel * C + c]! > this.#sums[pixel * C + best]!) best = c;
      data[pixel] = best;
    }
    return { width: this.#size.width, height: this.#size.height, data };
  }

  /** The mean logits of at most so many pixels, far apart. */
  sample(most: number): SampledPixels {
    const { classes: C } = this.#spec;
    const { width, height } = this.#size;
    const step = Math.max(1, Math.ceil(Math.sqrt((width * height) / most)));
    const pixels: number[] = [];
    for (let y = 0; y < height; y += step)
      for (let x = 0; x < width && pixels.length < most; x += step) pixels.push(y * width + x);
    const logits = new Float32Array(pixels.length * C);
    pixels.forEach((pixel, at) => {
      for (let c = 0; c < C; c++) logits[at * C + c] = this.#sums[pixel * C + c]! / this.#weights[pixel]!;
    });
    return { pixels: Int32Array.from(pixels), logits };
  }
}

/** Weights along a side of a tile: falling towards its edges, but for those that are the image's own. */
function ramp(start: number, length: number, whole: number): Float32Array {
  return Float32Array.from({ length }, (_, at) => {
    const fromStart = start === 0 ? length : at + 0.5;
    const fromEnd = start + length >= whole ? length : length - at - 0.5;
    return Math.min(fromStart, fromEnd);
  });
}

export interface TileBoxes {
  readonly tile: Region;
  /** In pixels of the tile. */
  readonly found: readonly Found[];
}

/**
 * Boxes, in pixels of the whole image, the surest first. Of what several tiles see, the one speaks in whose middle its centre
 * lies, since it sees most of it, with those that are nearly as near; of two of one class that overlap more than `overlap` all the same, the surer one stands.
 */
export function mergeBoxes(
  parts: readonly TileBoxes[],
  { overlap = 0.6, most = 100 * parts.length }: { readonly overlap?: number; readonly most?: number } = {},
): Found[] {
  const tiles = parts.map(({ tile }) => tile);
  const all = parts.flatMap(({ tile, found }) =>
    found.flatMap(({ label, score, box: [xmin, ymin, xmax, ymax] }) => {
      const box: Box = [xmin + tile.left, ymin + tile.top, xmax + tile.left, ymax + tile.top];
      const [x, y] = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
      const near = Math.min(...tiles.map((each) => distance(x, y, each)));
      return distance(x, y, tile) <= near + SLACK * tile.width ? [{ label, score, box }] : [];
    }),
  );
  return suppressed(all, { overlap, most });
}

/** Tiles may differ a little on where an object's centre is: none of them must leave it to the other. */
const SLACK = 0.05;

/** To a tile's middle, along the axis where it is farther; infinite from outside. */
function distance(x: number, y: number, { left, top, width, height }: Region): number {
  if (x < left || y < top || x > left + width || y > top + height) return Number.POSITIVE_INFINITY;
  return Math.max(Math.abs(x - left - width / 2), Math.abs(y - top - height / 2));
}
