import type { Box } from "@kilotune/image";
import { type Rle, rleArea, rleIntersection } from "@kilotune/image/masks";

/** What is there, in one image. */
export interface Truth {
  readonly label: number;
  readonly shape: Shape;
  /** A crowd of objects drawn as one: finding it counts neither for nor against. */
  readonly crowd?: boolean;
}

export interface Detection {
  readonly label: number;
  readonly shape: Shape;
  readonly score: number;
}

/** One kind in all of an evaluation: boxes overlap as boxes, masks pixel by pixel. */
export type Shape =
  | { readonly kind: "box"; readonly box: Box }
  | { readonly kind: "mask"; readonly mask: Rle };

export interface DetectionScore {
  /** Mean over overlaps of 0.5, 0.55 .. 0.95 and over classes: COCO's "AP". Null: there is nothing to find. */
  readonly ap: number | null;
  readonly ap50: number | null;
  readonly ap75: number | null;
  /** Of objects under 32 x 32 pixels, under 96 x 96, and above. */
  readonly apBySize: Readonly<Record<Size, number | null>>;
  /** Mean recall with at most 1, 10 and 100 answers an image. */
  readonly recall: Readonly<Record<1 | 10 | 100, number | null>>;
  readonly recallBySize: Readonly<Record<Size, number | null>>;
  readonly perClass: readonly ClassScore[];
}

export interface ClassScore {
  readonly ap: number | null;
  readonly ap50: number | null;
  /** Objects to find, crowds aside. */
  readonly objects: number;
  /**
   * At an overlap of 0.5, for a recall of 0, 0.01 .. 1: the best precision still to be had there, and the score above which
   * it is had; 0 where that recall is never reached. Null where there is nothing to find.
   */
  readonly curve: { readonly precision: Float64Array; readonly score: Float64Array } | null;
}

type Size = "small" | "medium" | "large";
type Range = readonly [number, number];

const ALL: Range = [0, 1e10];
const SIZES: Readonly<Record<Size, Range>> = {
  small: [0, 32 ** 2],
  medium: [32 ** 2, 96 ** 2],
  large: [96 ** 2, 1e10],
};
/** As numpy spaces them, to the last bit. */
const OVERLAPS = Array.from({ length: 10 }, (_, i) => (i === 9 ? 0.95 : i * ((0.95 - 0.5) / 9) + 0.5));
const RECALLS = Array.from({ length: 101 }, (_, i) => i * 0.01);
const MOST = 100;

/**
 * Mean average precision as COCO defines it (equal to pycocotools' COCOeval): each answer, the surest first, takes the free
 * object that it overlaps most; precision is made monotone and read at 101 recalls.
 *
 * @param classes labels are 0 .. classes - 1
 */
export function scoreDetections(
  images: readonly { readonly truths: readonly Truth[]; readonly detections: readonly Detection[] }[],
  classes: number,
): DetectionScore {
  const byClass = Array.from({ length: classes }, (_, label) => images.map((image) => onlyOf(label, image)));
  const at = (range: Range, most: number) => byClass.map((pictures) => accumulate(pictures, range, most));
  const all = at(ALL, MOST);
  const bySize = Object.fromEntries(
    Object.entries(SIZES).map(([size, range]) => [size, at(range, MOST)]),
  ) as Record<Size, (Curves | null)[]>;
  return {
    ap: meanOf(all, precisions),
    ap50: meanOf(all, (curves) => curves.precision[0]!),
    ap75: meanOf(all, (curves) => curves.precision[5]!),
    apBySize: ofSizes((size) => meanOf(bySize[size], precisions)),
    recall: {
      1: meanOf(at(ALL, 1), ({ recall }) => recall),
      10: meanOf(at(ALL, 10), ({ recall }) => recall),
      100: meanOf(all, ({ recall }) => recall),
    },
    recallBySize: ofSizes((size) => meanOf(bySize[size], ({ recall }) => recall)),
    perClass: all.map((curves, label) => ({
      ap: meanOf([curves], precisions),
      ap50: meanOf([curves], ({ precision }) => precision[0]!),
      objects: byClass[label]!.reduce(
        (sum, { truths }) => sum + truths.filter(({ crowd }) => !crowd).length,
        0,
      ),
      curve: curves && { precision: curves.precision[0]!, score: curves.score },
    })),
  };
}

interface Picture {
  readonly truths: readonly Truth[];
  /** The surest first. */
  readonly detections: readonly Detection[];
  /** [detection][truth] */
  readonly overlaps: readonly (readonly number[])[];
}

function onlyOf(
  label: number,
  image: { truths: readonly Truth[]; detections: readonly Detection[] },
): Picture {
  const truths = image.truths.filter((truth) => truth.label === label);
  const detections = image.detections
    .filter((detection) => detection.label === label)
    .sort((a, b) => b.score - a.score)
    .slice(0, MOST);
  const overlaps = detections.map(({ shape }) =>
    truths.map((truth) => overlap(shape, truth.shape, truth.crowd ?? false)),
  );
  return { truths, detections, overlaps };
}

interface Curves {
  /** [overlap][recall] */
  readonly precision: readonly Float64Array[];
  /** [recall] at an overlap of 0.5 */
  readonly score: Float64Array;
  /** [overlap]: the highest reached */
  readonly recall: Float64Array;
}

/** Null where no object of that size is to be found. */
function accumulate(pictures: readonly Picture[], range: Range, most: number): Curves | null {
  const matched = pictures.map((picture) => match(picture, range, most));
  const wanted = matched.reduce((sum, { objects }) => sum + objects, 0);
  if (wanted === 0) return null;
  const answers = matched.flatMap(({ answers }) => answers).sort((a, b) => b.score - a.score);
  const score = new Float64Array(RECALLS.length);
  const recall = new Float64Array(OVERLAPS.length);
  const precision = OVERLAPS.map((_, at) => {
    const counted = answers.filter(({ outcomes }) => outcomes[at] !== "passed over");
    let right = 0;
    const reached = new Float64Array(counted.length);
    const exact = counted.map(({ outcomes }, i) => {
      if (outcomes[at] === "right") right++;
      reached[i] = right / wanted;
      return right / (i + 1 + Number.EPSILON);
    });
    recall[at] = right / wanted;
    for (let i = exact.length - 2; i >= 0; i--) exact[i] = Math.max(exact[i]!, exact[i + 1]!);
    let i = 0;
    return Float64Array.from(RECALLS, (least, r) => {
      while (i < reached.length && reached[i]! < least) i++;
      if (at === 0 && i < reached.length) score[r] = counted[i]!.score;
      return exact[i] ?? 0;
    });
  });
  return { precision, score, recall };
}

type Outcome = "right" | "wrong" | "passed over";

/** Which answers of an image hit, at each overlap; objects of another size and crowds are passed over, and who hits them. */
function match({ truths, detections, overlaps }: Picture, range: Range, most: number) {
  const outside = (shape: Shape) => area(shape) < range[0] || area(shape) > range[1];
  const ignored = truths.map(({ shape, crowd = false }) => crowd || outside(shape));
  // Objects that count come first: one that doesn't is taken only where none of those is left.
  const order = [...truths.keys()].sort((a, b) => Number(ignored[a]) - Number(ignored[b]));
  const answers = detections.slice(0, most).map(({ score }) => ({ score, outcomes: [] as Outcome[] }));
  for (const least of OVERLAPS) {
    const taken = new Set<number>();
    answers.forEach(({ outcomes }, d) => {
      let [best, found] = [Math.min(least, 1 - 1e-10), -1];
      for (const t of order) {
        if (taken.has(t) && !truths[t]!.crowd) continue;
        if (found >= 0 && !ignored[found] && ignored[t]) break;
        if (overlaps[d]![t]! < best) continue;
        best = overlaps[d]![t]!;
        found = t;
      }
      if (found >= 0) taken.add(found);
      const passedOver = found >= 0 ? ignored[found]! : outside(detections[d]!.shape);
      outcomes.push(passedOver ? "passed over" : found >= 0 ? "right" : "wrong");
    });
  }
  return { answers, objects: ignored.filter((ignore) => !ignore).length };
}

/** Shared over joined area; with a crowd, over the answer's own. */
function overlap(answer: Shape, truth: Shape, crowd: boolean): number {
  const shared = intersection(answer, truth);
  if (shared === 0) return 0;
  return shared / (crowd ? area(answer) : area(answer) + area(truth) - shared);
}

function intersection(a: Shape, b: Shape): number {
  if (a.kind === "mask" && b.kind === "mask") return rleIntersection(a.mask, b.mask);
  if (a.kind !== "box" || b.kind !== "box") return 0;
  const width = Math.min(a.box[2], b.box[2]) - Math.max(a.box[0], b.box[0]);
  const height = Math.min(a.box[3], b.box[3]) - Math.max(a.box[1], b.box[1]);
  return width > 0 && height > 0 ? width * height : 0;
}

function area(shape: Shape): number {
  if (shape.kind === "mask") return rleArea(shape.mask);
  const [xmin, ymin, xmax, ymax] = shape.box;
  return (xmax - xmin) * (ymax - ymin);
}

function precisions({ precision }: Curves): number[] {
  return precision.flatMap((row) => [...row]);
}

/** Over the classes that have something to find; null where none has. */
function meanOf(
  curves: readonly (Curves | null)[],
  numbers: (curves: Curves) => ArrayLike<number>,
): number | null {
  const known = curves.filter((one) => one !== null).flatMap((one) => Array.from(numbers(one)));
  return known.length === 0 ? null : known.reduce((a, b) => a + b, 0) / known.length;
}

function ofSizes<T>(value: (size: Size) => T): Record<Size, T> {
  return { small: value("small"), medium: value("medium"), large: value("large") };
}
