import type { Region } from "../codec.ts";
import type { Size } from "../placement.ts";

/** What is done to one image, its boxes and its mask alike. Plain data: the same again gives the same pixels. */
export interface Augmentation {
  /** Cut first, in whole pixels of the upright image. */
  readonly crop: Region;
  /** Then mirrored. */
  readonly flipX: boolean;
  readonly flipY: boolean;
  /** Then rows become columns: with the mirrors, all quarter turns. */
  readonly transpose: boolean;
  readonly colour: ColourChange;
}

/** Factors, 1 leaves it as it is; brightness first, then contrast about the mean, then saturation. */
export interface ColourChange {
  readonly brightness: number;
  readonly contrast: number;
  readonly saturation: number;
}

/** How far images may be changed: the defaults of each task are below. */
export interface AugmentationRange {
  readonly flipX: boolean;
  /** Only where up and down mean nothing, as under a microscope. */
  readonly flipY: boolean;
  /** Only where neither up nor left means anything. */
  readonly transpose: boolean;
  /** The least share of the image's area that a crop keeps, 0 < .. <= 1. */
  readonly leastArea: number;
  /** A crop's width to height is at most this many times the image's, or that much less. */
  readonly stretch: number;
  /** The most that each factor of colour departs from 1. */
  readonly colour: number;
}

export const AUGMENTATIONS: Readonly<Record<"classify" | "segment" | "detect", AugmentationRange>> = {
  classify: { flipX: true, flipY: false, transpose: false, leastArea: 0.5, stretch: 4 / 3, colour: 0.2 },
  // Objects at the edge are cut in two, so less is cut away.
  detect: { flipX: true, flipY: true, transpose: true, leastArea: 0.7, stretch: 1.15, colour: 0.2 },
  segment: { flipX: true, flipY: true, transpose: true, leastArea: 0.5, stretch: 1.15, colour: 0.2 },
};

/**
 * Always the same number of draws, whatever the range, so that one switched off leaves the others as they were.
 *
 * @param random seeded by seed, epoch and row: `prng(seed, "augment 3 17")` of @kilotune/dataset
 */
export function drawAugmentation(
  random: { uniform(): number },
  { width, height }: Size,
  range: AugmentationRange,
): Augmentation {
  const [flipX, flipY] = [random.uniform() < 0.5, random.uniform() < 0.5];
  const area = range.leastArea + (1 - range.leastArea) * random.uniform();
  const stretch = range.stretch ** (2 * random.uniform() - 1);
  const wide = Math.min(width, Math.max(1, Math.round(width * Math.sqrt(area * stretch))));
  const high = Math.min(height, Math.max(1, Math.round(height * Math.sqrt(area / stretch))));
  const left = Math.floor(random.uniform() * (width - wide + 1));
  const top = Math.floor(random.uniform() * (height - high + 1));
  const factor = () => 1 + range.colour * (2 * random.uniform() - 1);
  const colour = { brightness: factor(), contrast: factor(), saturation: factor() };
  return {
    crop: { left, top, width: wide, height: high },
    flipX: flipX && range.flipX,
    flipY: flipY && range.flipY,
    transpose: random.uniform() < 0.5 && range.transpose,
    colour,
  };
}
