import type { VisionBackbone } from "@kilotune/backbone";
import type { ReportFindings, Score } from "@kilotune/contract";
import type { ImageRow, VisionTask } from "@kilotune/dataset";
import { MapMerger, type SampledPixels, type SegmentationSpec, sampleLogits } from "@kilotune/heads";
import { place, type Preprocessing, type Size, tiledPreprocessing, tilesOf } from "@kilotune/image";
import { createSharpCodec } from "@kilotune/image/node";
import { type PromptManifest, type StoredPrompt, segmentationSpec, type Use } from "@kilotune/prompt";
import {
  createVisionPredictor,
  type ImageAnswer,
  type ImageClasses,
  type ImageMap,
  type ImageObjects,
} from "@kilotune/serving";
import { reached, sigmoids } from "@kilotune/tuner";
import { assess, outcomesOfLogits, scoreClasses } from "./classes/outcome.ts";
import { PICTURE_SIDE } from "./dense/dense-task.ts";
import { evaluateBoxes, objectsOf, scoreBoxes } from "./dense/detection.ts";
import {
  comparison,
  evaluateMasks,
  knownPixels,
  mapOf,
  maskTemperature,
  type SegmentationOutcome,
  sampleSize,
  scoreMasks,
} from "./dense/segmentation.ts";
import { fileOf, type ImageFile, nameOfRow } from "./images/image-files.ts";
import type { ImageRows } from "./images/image-source.ts";
import { pictureOf } from "./images/picture.ts";
import { readImages } from "./images/read-images.ts";
import type { JobEvent } from "./job.ts";
import { labelsOfRow } from "./labels/image-labels.ts";
import type { LabelCalibration } from "./labels/label-task.ts";
import { labelFindings, outcomesOf, scoreOutcomes } from "./labels/outcome.ts";
import { targetsOf } from "./labels/targets.ts";

/**
 * How well a prompt does on a file of images, as it is served.
 *
 * @throws KilotuneError `invalid_training_file`, and as the predictor
 */
export async function evaluateImagePrompt({
  backbone,
  stored,
  test,
  onEvent: emit = () => {},
}: {
  readonly backbone: VisionBackbone;
  readonly stored: StoredPrompt;
  readonly test: ImageRows;
  readonly onEvent?: (event: JobEvent) => void;
}): Promise<ImageEvaluation> {
  const { manifest } = stored.prompt;
  const codec = createSharpCodec();
  await using read = await readImages(test, TASKS[manifest.task as ImageTask], codec, emit, "answering");
  const file = fileOf(read, codec, (row) => row);
  const asked: Asked = { manifest, file, names: file.rows.map(nameOfRow) };
  const answers = answersOf(backbone, stored, file, emit);
  switch (manifest.task as ImageTask) {
    case "classification":
      return evaluateClasses(asked, await collected(answers));
    case "multi_label":
      return evaluateLabels(asked, await collected(answers));
    case "detection":
      return evaluateObjects(asked, await collected(answers));
    case "segmentation":
      return evaluateMaps(asked, backbone, answers as AsyncIterable<ImageMap>);
  }
}

export interface ImageEvaluation {
  readonly score: Score;
  readonly findings: ReportFindings;
}

interface Asked {
  readonly manifest: StoredPrompt["prompt"]["manifest"];
  readonly file: ImageFile<ImageRow>;
  /** Of the images, for people. */
  readonly names: readonly string[];
}

const TASKS = {
  classification: "classify",
  multi_label: "classify",
  segmentation: "segment",
  detection: "detect",
} as const satisfies Readonly<Record<string, VisionTask>>;

type ImageTask = keyof typeof TASKS;

/** Image after image, as it is served. */
async function* answersOf(
  backbone: VisionBackbone,
  stored: StoredPrompt,
  { count, source }: ImageFile<ImageRow>,
  emit: (event: JobEvent) => void,
): AsyncGenerator<ImageAnswer> {
  const { manifest } = stored.prompt;
  const predictor = await createVisionPredictor({
    backbone,
    codec: createSharpCodec(),
    loadPrompt: async () => stored,
  });
  try {
    // The tuner measures all answers from this score on; a person's threshold comes later.
    const options = { threshold: 0.05, numbers: manifest.task !== "detection" };
    const atOnce =
      manifest.task !== "segmentation" ? AT_ONCE : isTiled(manifest, backbone) ? 1 : MAPS_AT_ONCE;
    for (let from = 0; from < count; from += atOnce) {
      const rows = Array.from({ length: Math.min(atOnce, count - from) }, (_, at) => from + at);
      const images = await Promise.all(rows.map((row) => source.file(row)));
      yield* await predictor.answer(
        images.map((image) => ({ image, prompt: stored.id })),
        options,
      );
      emit({ kind: "progress", stage: "evaluate", share: (from + rows.length) / count });
    }
  } finally {
    await predictor.close();
  }
}

const AT_ONCE = 32;

/** A map comes with the numbers that it was drawn by: megabytes an image, and of one in tiles as many a tile. */
const MAPS_AT_ONCE = 8;

async function collected<Answer extends ImageAnswer>(answers: AsyncIterable<ImageAnswer>): Promise<Answer[]> {
  const all: ImageAnswer[] = [];
  for await (const answer of answers) all.push(answer);
  return all as Answer[];
}

function evaluateClasses(
  { manifest, file, names }: Asked,
  answers: readonly ImageClasses[],
): ImageEvaluation {
  const { labels } = manifest;
  const classOf = classesOf(labels);
  const { temperature } = manifest.calibration as { readonly temperature: number };
  const labelled = Int32Array.from(file.rows, (row) => classOf.get(labelOf(row)) ?? -1);
  const outcomes = outcomesOfLogits({ texts: names, labels: labelled }, logitsOf(answers), labels.length);
  return { score: scoreClasses(outcomes, labels.length), findings: assess(outcomes, labels, temperature) };
}

function evaluateLabels({ manifest, file, names }: Asked, answers: readonly ImageClasses[]): ImageEvaluation {
  const { labels } = manifest;
  const { temperature, thresholds } = manifest.calibration as LabelCalibration;
  const logits = logitsOf(answers);
  const told = { texts: names, ...targetsOf(file.rows.map(labelsOfRow), labels) };
  const answered = reached(sigmoids(logits, temperature), thresholds);
  const outcomes = outcomesOf(told, labels.length, { logits, answered });
  return {
    score: scoreOutcomes(outcomes),
    findings: { task: "multi_label", evaluation: labelFindings(outcomes, labels, thresholds) },
  };
}

async function evaluateObjects(
  { manifest, file, names }: Asked,
  answers: readonly ImageObjects[],
): Promise<ImageEvaluation> {
  const { labels } = manifest;
  const classOf = classesOf(labels);
  const outcomes = file.rows.map((row, at) => ({
    name: names[at] as string,
    truths: objectsOf(row, classOf),
    found: (answers[at] as ImageObjects).objects.map(({ label, score, box }) => ({
      label: classOf.get(label) as number,
      score,
      box,
    })),
    picture: () => pictureOf(file.source, at, PICTURE_SIDE),
  }));
  const { threshold } = manifest.calibration as { readonly threshold: number };
  const evaluation = await evaluateBoxes(outcomes, labels, threshold);
  return { score: scoreBoxes(outcomes, labels.length), findings: { task: "detection", evaluation } };
}

async function evaluateMaps(
  { manifest, file, names }: Asked,
  backbone: VisionBackbone,
  answers: AsyncIterable<ImageMap>,
): Promise<ImageEvaluation> {
  const { labels } = manifest;
  // Of masks the labels are their numbers.
  const values = labels.map(Number);
  const spec = segmentationSpec(manifest as PromptManifest & Use<"imageSegmentation">);
  const own = backbone.manifest.preprocessing;
  const preprocessing = isTiled(manifest, backbone) ? tiledPreprocessing(own) : own;
  const outcomes: SegmentationOutcome[] = [];
  // One after the other: the numbers behind all maps don't fit in memory.
  for await (const { map, image, numbers } of answers) {
    const at = outcomes.length;
    const truth = () => mapOf(file, file.rows[at] as ImageRow, at, values, labels);
    const wanted = await truth();
    const sample = sampleOfAnswer(numbers as Float32Array, image, spec, preprocessing);
    outcomes.push({
      ...comparison(wanted, map, labels.length),
      sample: knownPixels(wanted, sample, labels.length),
      name: names[at] as string,
      truth,
      answer: map,
      picture: () => pictureOf(file.source, at, PICTURE_SIDE),
    });
  }
  const evaluation = await evaluateMasks(outcomes, labels, maskTemperature(manifest));
  return { score: scoreMasks(outcomes, labels.length), findings: { task: "segmentation", evaluation } };
}

/** Pixels of a map with the logits that it was drawn by, of one tile or of many. */
function sampleOfAnswer(
  numbers: Float32Array,
  image: Size,
  spec: SegmentationSpec,
  preprocessing: Preprocessing,
): SampledPixels {
  const most = sampleSize(spec.classes);
  const size = spec.width * spec.height * spec.cellsPerPatch ** 2 * spec.classes;
  if (numbers.length === size) return sampleLogits(numbers, spec, place(image, preprocessing), most);
  const merger = new MapMerger(image, spec, preprocessing);
  for (const [at, tile] of tilesOf(image, preprocessing).entries())
    merger.add(numbers.subarray(at * size, (at + 1) * size), tile);
  return merger.sample(most);
}

function isTiled({ backbone }: Asked["manifest"], { manifest }: VisionBackbone): boolean {
  return backbone.preprocessingSha256 !== manifest.identity.preprocessingSha256;
}

function classesOf(labels: readonly string[]): ReadonlyMap<string, number> {
  return new Map(labels.map((label, at) => [label, at]));
}

function logitsOf(answers: readonly ImageClasses[]): Float32Array {
  return Float32Array.from(answers.flatMap(({ numbers }) => [...(numbers ?? [])]));
}

function labelOf({ target }: ImageRow): string {
  return target.kind === "labels" ? (target.labels[0] ?? "") : "";
}
