import type { VisionBackbone } from "@kilotune/backbone";
import type {
  Calibration,
  FiguresScore,
  MeanShare,
  Outline,
  SegmentationEvaluation,
} from "@kilotune/contract";
import { type ImageRow, prng, toRle } from "@kilotune/dataset";
import { headBytes, MapMerger, type SampledPixels, segmentationTensors, startHead } from "@kilotune/heads";
import { decodeImage, readMask } from "@kilotune/image";
import { decodeRle, IGNORED, type LabelMap, maskOf, outlineMask } from "@kilotune/image/masks";
import { type Prompt, type PromptManifest, segmentationSpec, type Use } from "@kilotune/prompt";
import {
  alsoOfMasks,
  boundaryF1,
  type DrawnMap,
  fitTemperature,
  imageSegmentation as learnMasks,
  type Learnt,
  meanIouOf,
  openMasks,
  planSegmentation,
  reliability,
  type SegmentationPlan,
} from "@kilotune/tuner";
import { softmaxRows } from "../classes/outcome.ts";
import { type ImageFile, type ReadFiles, readImageFiles } from "../images/image-files.ts";
import type { ImageStart } from "../images/image-start.ts";
import type { ReadImages } from "../images/read-images.ts";
import type { ImageJob, JobHooks } from "../job.ts";
import { mapFiles } from "../map-files.ts";
import type { TaskPlan } from "../task.ts";
import { bootstrap } from "./bootstrap.ts";
import { judgeRows } from "../judge-rows.ts";
import { type DenseKind, type DenseRows, openDense } from "./dense-task.ts";
import { lastKept, mapInTile, sizeOfTiled } from "./tiles.ts";

export interface SegmentationOutcome {
  readonly name: string;
  /** Pixels [truth, answer]. */
  readonly pixels: Float64Array;
  /** Of each class; null where it is neither in the truth nor in the answer. */
  readonly edges: readonly (number | null)[];
  /** Some known pixels: logits [n, classes] flat, and what is true of each. */
  readonly sample: PixelSample;
  truth(): Promise<LabelMap>;
  readonly answer: LabelMap;
  picture(): ReturnType<DenseRows<unknown>["picture"]>;
}

export interface PixelSample {
  readonly logits: Float32Array;
  readonly labels: Int32Array;
}

/** Opens a row's map when it is wanted: those of a set don't fit in memory. */
type OpenMap = () => Promise<LabelMap>;

/** A class for each pixel. */
export function imageSegmentation(
  job: ImageJob,
  hooks: JobHooks,
): TaskPlan<ImageFile<OpenMap>, DenseRows<OpenMap>, Learnt, SegmentationOutcome> {
  let files: ReadFiles<ImageRow>;
  return {
    async read(emit) {
      let values: readonly number[] = [];
      const read = await readImageFiles<ImageRow>(job, "segment", emit, {
        labelsOf: async (train) => {
          const found = labelsOf(train);
          values = found.values;
          return found.labels;
        },
        truthOf: (row) => row,
      });
      files = read;
      const { data } = read;
      const mapped = (file: ImageFile<ImageRow>): ImageFile<OpenMap> => ({
        ...file,
        truths: file.truths.map((row, at) => () => mapOf(file, row, at, values, data.labels)),
      });
      return { ...data, ...mapFiles(data, mapped) };
    },
    open: (data) =>
      openDense(job, hooks, data, files, (backbone) =>
        masks(backbone, planOf(backbone, data.labels, files.start), data.labels, job.seed),
      ),
  };
}

/** The head's, which follows from the backbone, or that of the prompt whose head is gone on with. */
function planOf(
  { manifest }: VisionBackbone,
  { length: classes }: readonly string[],
  start: ImageStart | undefined,
): SegmentationPlan {
  if (!start?.takesHead) return planSegmentation(manifest, { classes });
  const own = (start.prompt as Prompt<Use<"imageSegmentation">>).manifest;
  return { spec: segmentationSpec(own), taps: own.head.taps };
}

/** What no segment covers. */
const BACKGROUND = "background";

/**
 * The numbers of masks are classes under their own numbers; 255 is none, as Pascal VOC has it, but where masks hold nothing
 * besides 0 and 255: those are black and white. Of segments the labels, behind the background.
 */
function labelsOf({ report, rows, classes }: ReadImages): { labels: string[]; values: number[] } {
  const named = [...report.labels.keys()];
  if (rows.some(({ target }) => target.kind === "segments")) {
    const own = classes.length > 0 ? classes : [...named].sort();
    return { labels: [BACKGROUND, ...own.filter((label) => label !== BACKGROUND)], values: [] };
  }
  const all = named.map(Number).sort((a, b) => a - b);
  const blackAndWhite = all.every((value) => value === 0 || value === IGNORED);
  const values = blackAndWhite ? [0, IGNORED] : all.filter((value) => value !== IGNORED);
  return { labels: values.map(String), values };
}

export async function mapOf(
  file: Pick<ImageFile<unknown>, "read" | "source">,
  { target }: ImageRow,
  at: number,
  values: readonly number[],
  labels: readonly string[],
): Promise<LabelMap> {
  const { codec } = file.source;
  if (target.kind === "mask") {
    const { data, ...size } = await readMask(codec, await file.read(target.file));
    const places = new Uint8Array(256).fill(IGNORED);
    values.forEach((value, place) => {
      places[value] = place;
    });
    return { ...size, data: data.map((value) => places[value] as number) };
  }
  const { width, height } = await decodeImage(codec, await file.source.file(at));
  const data = new Uint8Array(width * height);
  if (target.kind === "segments")
    for (const { label, segmentation } of target.segments) {
      const place = labels.indexOf(label);
      const mask = decodeRle(toRle(segmentation, { width, height }));
      mask.forEach((inside, pixel) => {
        if (inside !== 0) data[pixel] = place < 0 ? IGNORED : place;
      });
    }
  return { width, height, data };
}

/** What is true of a store's row: an image's map, or a tile's part of it. */
function mapOfRow({ truths, tiles }: DenseRows<OpenMap>): (row: number) => Promise<LabelMap> {
  const whole = lastKept((image) => (truths[image] as OpenMap)());
  return async (row) => {
    const tile = tiles?.[row];
    return tile === undefined ? (truths[row] as OpenMap)() : mapInTile(await whole(tile.image), tile.region);
  };
}

function masks(
  backbone: VisionBackbone,
  plan: SegmentationPlan,
  labels: readonly string[],
  seed: number,
): DenseKind<OpenMap, SegmentationOutcome> {
  const classes = labels.length;
  const { spec, taps } = plan;
  const tensors = segmentationTensors(spec);
  const meanIou = (outcomes: readonly SegmentationOutcome[]) => figuresOf(outcomes, classes).meanIou;
  return {
    task: "segment",
    taps,
    headNumbers: headBytes(tensors, 2) / 2,
    also: alsoOfMasks(backbone, plan),
    start: () => startHead(tensors, prng(seed, "head")),
    learning(settings, rows, store, start) {
      return learnMasks(backbone, settings, plan, { store, map: mapOfRow(rows) }, start);
    },
    validation: (settings, rows, store) =>
      meanIouOf(backbone, settings, plan, { store, map: mapOfRow(rows) }),
    async answer(settings, learnt, rows, store) {
      const drawer = await openMasks(backbone, settings, plan);
      try {
        const outcomes: SegmentationOutcome[] = [];
        const add = async (image: number, { map, sample }: Pick<DrawnMap, "map" | "sample">) => {
          const truth = rows.truths[image] as OpenMap;
          const [wanted, answer] = [await truth(), map];
          outcomes[image] = {
            ...comparison(wanted, answer, classes),
            sample: knownPixels(wanted, sample(sampleSize(classes)), classes),
            name: rows.names[image] as string,
            truth,
            answer,
            picture: () => rows.picture(image),
          };
        };
        const { tiles } = rows;
        let merger: MapMerger | undefined;
        for await (const drawn of drawer.draw(store, learnt)) {
          const tile = tiles?.[drawn.row];
          if (tiles === undefined || tile === undefined) {
            await add(drawn.row, drawn);
            continue;
          }
          merger ??= new MapMerger(sizeOfTiled(tiles, tile.image), spec, backbone.manifest.preprocessing);
          merger.add(drawn.logits, tile.region);
          if (tiles[drawn.row + 1]?.image === tile.image) continue;
          const whole = merger;
          await add(tile.image, { map: whole.map(), sample: (most) => whole.sample(most) });
          merger = undefined;
        }
        return outcomes;
      } finally {
        await drawer.release();
      }
    },
    score: (outcomes) => scoreMasks(outcomes, classes),
    scoreOfImage: (outcome) => meanIou([outcome]),
    judge: (asked, rivals) =>
      judgeRows(asked, rivals, {
        title: "mean IoU",
        rows: "images",
        of: meanIou,
        ofRow: (outcome) => meanIou([outcome]),
      }),
    manifest: (outcomes) => ({
      task: "segmentation",
      head: {
        kind: "segmentation",
        taps: [...taps],
        innerWidth: spec.innerWidth,
        cellsPerPatch: spec.cellsPerPatch,
        cellWidth: spec.cellWidth,
        ...(spec.byCell && { byCell: true as const }),
      },
      calibration: { temperature: temperatureOf(outcomes, classes) },
    }),
    findings: async (outcomes, prompt) => ({
      task: "segmentation",
      evaluation: await evaluateMasks(outcomes, labels, maskTemperature(prompt.manifest)),
    }),
    // Which class a pixel is of is asked image by image: every image counts for all.
    labelRows: ({ count }) => labels.map(() => count),
  };
}

/** Neighbours tell the same: far fewer pixels than an image has are as good. */
export function sampleSize(classes: number): number {
  return Math.max(100, Math.min(2000, Math.floor(40_000 / classes)));
}

/** Without those of which nothing is known. */
export function knownPixels(
  truth: LabelMap,
  { pixels, logits }: SampledPixels,
  classes: number,
): PixelSample {
  const known = [...pixels.keys()].filter((at) => (truth.data[pixels[at]!] as number) < classes);
  const kept = new Float32Array(known.length * classes);
  known.forEach((from, to) => {
    kept.set(logits.subarray(from * classes, (from + 1) * classes), to * classes);
  });
  return { logits: kept, labels: Int32Array.from(known, (at) => truth.data[pixels[at]!] as number) };
}

/** All images' samples in one, at most so many pixels of them. */
function pooled(
  outcomes: readonly Pick<SegmentationOutcome, "sample">[],
  classes: number,
  most: number,
): PixelSample {
  const all = outcomes.reduce((sum, { sample }) => sum + sample.labels.length, 0);
  const step = Math.max(1, Math.ceil(all / most));
  const [logits, labels]: [Float32Array[], number[]] = [[], []];
  let at = 0;
  for (const { sample } of outcomes)
    sample.labels.forEach((label, own) => {
      if (at++ % step !== 0) return;
      labels.push(label);
      logits.push(sample.logits.subarray(own * classes, (own + 1) * classes));
    });
  const flat = new Float32Array(labels.length * classes);
  logits.forEach((each, row) => void flat.set(each, row * classes));
  return { logits: flat, labels: Int32Array.from(labels) };
}

function temperatureOf(outcomes: readonly SegmentationOutcome[], classes: number): number {
  const { logits, labels } = pooled(outcomes, classes, 50_000);
  return fitTemperature(logits, labels, classes);
}

/** Of a manifest whose task is segmentation. */
export function maskTemperature({ calibration }: PromptManifest): number {
  return (calibration as { readonly temperature: number }).temperature;
}

function calibrationOf(
  outcomes: readonly SegmentationOutcome[],
  classes: number,
  temperature: number,
): Calibration | null {
  const { logits, labels } = pooled(outcomes, classes, 1_000_000);
  if (labels.length === 0) return null;
  return { temperature, ...reliability(softmaxRows(logits, classes, temperature), labels, classes) };
}

export function scoreMasks(outcomes: readonly SegmentationOutcome[], classes: number): FiguresScore {
  const { meanIou, meanDice, pixelAccuracy, boundary } = figuresOf(outcomes, classes);
  const drawnScore = (drawn: readonly number[]) =>
    figuresOf(
      drawn.map((at) => outcomes[at]!),
      classes,
    ).meanIou;
  const figures = { meanIou, meanDice, pixelAccuracy, boundaryF1: boundary };
  return {
    rows: outcomes.length,
    main: "meanIou",
    figures,
    interval: bootstrap(outcomes.length, drawnScore, 200),
  };
}

export function comparison(truth: LabelMap, answer: LabelMap, classes: number) {
  const pixels = new Float64Array(classes * classes);
  truth.data.forEach((wanted, at) => {
    const given = answer.data[at] as number;
    if (wanted < classes && given < classes)
      pixels[wanted * classes + given] = (pixels[wanted * classes + given] as number) + 1;
  });
  const { width, height } = truth;
  // What isn't known has no edge of its own.
  const known = {
    ...answer,
    data: answer.data.map((given, at) => (truth.data[at] === IGNORED ? IGNORED : given)),
  };
  const edges = Array.from({ length: classes }, (_, label) => {
    const [wanted, given] = [maskOf(truth, label), maskOf(known, label)];
    return wanted.includes(1) || given.includes(1) ? boundaryF1(wanted, given, width, height) : null;
  });
  return { pixels, edges };
}

function figuresOf(outcomes: readonly Pick<SegmentationOutcome, "pixels" | "edges">[], classes: number) {
  const pixels = new Float64Array(classes * classes);
  for (const each of outcomes)
    each.pixels.forEach((count, at) => {
      pixels[at] = (pixels[at] as number) + count;
    });
  const perClass = Array.from({ length: classes }, (_, label) => {
    const sum = (of: (other: number) => number) =>
      Array.from({ length: classes }, (_, other) => pixels[of(other)] as number).reduce((a, b) => a + b, 0);
    const shared = pixels[label * classes + label] as number;
    const wanted = sum((other) => label * classes + other);
    const given = sum((other) => other * classes + label);
    const edges = outcomes.flatMap((each) => each.edges[label] ?? []);
    const known = wanted + given > 0;
    return {
      shared,
      pixels: wanted,
      iou: known ? shared / (wanted + given - shared) : null,
      dice: known ? (2 * shared) / (wanted + given) : null,
      boundary: edges.length > 0 ? mean(edges) : null,
    };
  });
  const all = pixels.reduce((a, b) => a + b, 0);
  const known = <T>(values: readonly (T | null)[]) => values.filter((value) => value !== null);
  return {
    perClass,
    meanIou: mean(known(perClass.map(({ iou }) => iou))),
    meanDice: mean(known(perClass.map(({ dice }) => dice))),
    boundary: mean(known(perClass.map((each) => each.boundary))),
    pixelAccuracy: all === 0 ? 0 : perClass.reduce((sum, { shared }) => sum + shared, 0) / all,
  };
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((a, b) => a + b, 0) / values.length;
}

/** As many as a page shows. */
const EXAMPLES = 12;

export async function evaluateMasks(
  outcomes: readonly SegmentationOutcome[],
  labels: readonly string[],
  temperature: number,
): Promise<SegmentationEvaluation> {
  const classes = labels.length;
  const figures = figuresOf(outcomes, classes);
  const scored = outcomes
    .map((outcome) => ({ outcome, score: figuresOf([outcome], classes).meanIou }))
    .sort((a, b) => a.score - b.score);
  const examples = [];
  for (const { outcome, score } of scored.slice(0, EXAMPLES)) {
    const { picture, scale } = await outcome.picture();
    const [truth, answer] = [outlines(await outcome.truth(), scale), outlines(outcome.answer, scale)];
    examples.push({ name: outcome.name, picture, score, truth, answer });
  }
  return {
    rows: outcomes.length,
    labels,
    meanIou: figures.meanIou,
    meanDice: figures.meanDice,
    pixelAccuracy: figures.pixelAccuracy,
    boundaryF1: figures.boundary,
    perClass: figures.perClass.map(({ iou, dice, boundary, pixels }, label) => ({
      label: labels[label] as string,
      iou,
      dice,
      boundaryF1: boundary,
      sensitivity: shareOf(outcomes, ({ pixels: each }) => {
        const row = each.subarray(label * classes, (label + 1) * classes);
        return [row[label] as number, row.reduce((a, b) => a + b, 0)];
      }),
      specificity: shareOf(outcomes, ({ pixels: each }) => {
        const row = each.subarray(label * classes, (label + 1) * classes);
        const others = each.reduce((a, b) => a + b, 0) - row.reduce((a, b) => a + b, 0);
        let wrongly = -(row[label] as number);
        for (let other = 0; other < classes; other++) wrongly += each[other * classes + label] as number;
        return [others - wrongly, others];
      }),
      pixels,
    })),
    examples,
    calibration: calibrationOf(outcomes, classes, temperature),
  };
}

/** A share of all pixels together, with the interval that drawing other images would give. */
function shareOf(
  outcomes: readonly SegmentationOutcome[],
  countsOf: (outcome: SegmentationOutcome) => readonly [right: number, of: number],
): MeanShare | null {
  const counts = outcomes.map(countsOf);
  const shareIn = (drawn: readonly (readonly [number, number])[]) => {
    const of = drawn.reduce((sum, each) => sum + each[1], 0);
    return of === 0 ? Number.NaN : drawn.reduce((sum, each) => sum + each[0], 0) / of;
  };
  const value = shareIn(counts);
  if (!Number.isFinite(value)) return null;
  return {
    value,
    interval: bootstrap(counts.length, (drawn) => shareIn(drawn.map((at) => counts[at]!)), 200),
  };
}

/** Of all classes but the first, which is what lies around the others; the small parts of a busy map are left out. */
function outlines(map: LabelMap, scale: number): Outline[] {
  const all: Outline[] = [];
  const last = map.data.reduce((most, value) => (value === IGNORED ? most : Math.max(most, value)), 0);
  for (let label = 1; label <= last; label++)
    for (const polygon of outlineMask(maskOf(map, label), map.width, map.height))
      all.push({ label, points: polygon.map((value) => Math.round(value * scale * 10) / 10) });
  return thinned(all.sort((a, b) => b.points.length - a.points.length));
}

/** Corners of a picture's outlines: 6,000 numbers, some 40 KB of a page. */
const MOST_NUMBERS = 6000;

function thinned(outlines: readonly Outline[]): Outline[] {
  const kept: Outline[] = [];
  let left = MOST_NUMBERS;
  for (const { label, points } of outlines) {
    // Corners closer than a pixel of the picture can't be told apart.
    const far: number[] = [];
    for (let at = 0; at < points.length; at += 2) {
      const [x, y] = [points[at] as number, points[at + 1] as number];
      const [lastX, lastY] = far.slice(-2) as [number?, number?];
      if (lastX === undefined || Math.abs(x - lastX) + Math.abs(y - (lastY as number)) >= 1.5) far.push(x, y);
    }
    if (far.length < 6) continue;
    if (far.length > left) break;
    left -= far.length;
    kept.push({ label, points: far });
  }
  return kept;
}
