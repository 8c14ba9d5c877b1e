/** How well masks were drawn, over all images of a set together. */
export interface SegmentationScore {
  /** Over the classes that appear in the truth or in an answer. */
  readonly meanIou: number;
  readonly meanDice: number;
  /** Share of pixels whose class is right. */
  readonly pixelAccuracy: number;
  readonly perClass: readonly {
    /** Shared over joined pixels; null where the class appears nowhere. */
    readonly iou: number | null;
    /** Twice the shared over the sum of both: the F1 of its pixels. */
    readonly dice: number | null;
    /** Pixels that are of the class in truth. */
    readonly pixels: number;
  }[];
}

/** Counts image by image, so that no set has to be in memory at once. */
export class SegmentationTally {
  readonly #classes: number;
  /** [truth, answer] */
  readonly #pixels: Float64Array;

  constructor(classes: number) {
    this.#classes = classes;
    this.#pixels = new Float64Array(classes * classes);
  }

  /** Class numbers of one image's pixels, as many of both. Pixels of no class in the truth (255 ..) don't count. */
  add(truth: ArrayLike<number>, answer: ArrayLike<number>): void {
    for (let i = 0; i < truth.length; i++) {
      const [wanted, given] = [truth[i]!, answer[i]!];
      if (wanted < this.#classes && given < this.#classes) {
        const at = wanted * this.#classes + given;
        this.#pixels[at] = this.#pixels[at]! + 1;
      }
    }
  }

  score(): SegmentationScore {
    const classes = Array.from({ length: this.#classes }, (_, at) => at);
    const perClass = classes.map((label) => {
      const shared = this.#pixels[label * this.#classes + label]!;
      const pixels = classes.reduce((sum, other) => sum + this.#pixels[label * this.#classes + other]!, 0);
      const given = classes.reduce((sum, other) => sum + this.#pixels[other * this.#classes + label]!, 0);
      if (pixels + given === 0) return { iou: null, dice: null, pixels, shared };
      return {
        iou: shared / (pixels + given - shared),
        dice: (2 * shared) / (pixels + given),
        pixels,
        shared,
      };
    });
    const all = perClass.reduce((sum, { pixels }) => sum + pixels, 0);
    const right = perClass.reduce((sum, { shared }) => sum + shared, 0);
    return {
      meanIou: mean(perClass.map(({ iou }) => iou)),
      meanDice: mean(perClass.map(({ dice }) => dice)),
      pixelAccuracy: all === 0 ? 0 : right / all,
      perClass: perClass.map(({ iou, dice, pixels }) => ({ iou, dice, pixels })),
    };
  }
}

function mean(values: readonly (number | null)[]): number {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? 0 : known.reduce((a, b) => a + b, 0) / known.length;
}
