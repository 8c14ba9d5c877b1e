import type { VisionBackbone } from "@kilotune/backbone";
import { type ImageObject, type ImageRow, prng } from "@kilotune/dataset";
import { float16ToFloat32, float32ToFloat16 } from "@kilotune/engine";
import {
  detectionTensors,
  type HeadNumbers,
  type HeadTensor,
  headBytes,
  segmentationTensors,
  startHead,
} from "@kilotune/heads";
import { AUGMENTATIONS, type AugmentationRange, imageFacts, readMask, relabel } from "@kilotune/image";
import type { LabelMap } from "@kilotune/image/masks";
import { createSharpCodec } from "@kilotune/image/node";
import {
  alsoOfMasks,
  chooseDenseSettings,
  type DenseSettings,
  type Detection,
  type DetectionPlan,
  type DetectionScore,
  ImageStore,
  imageDetection,
  imageSegmentation,
  inShape,
  type LabelledBox,
  type LearningTask,
  type Learnt,
  openBelow,
  openBoxes,
  openMasks,
  planDetection,
  planSegmentation,
  runTuning,
  type SegmentationPlan,
  type SegmentationScore,
  SegmentationTally,
  scoreDetections,
  type VisionMethod,
} from "@kilotune/tuner";
import { say } from "./bench.ts";

/** Images with what is to be seen in them: what benches of masks and boxes learn from and are scored on. */
export interface Pictures<Truth> {
  readonly files: readonly (() => Promise<Uint8Array>)[];
  readonly truths: readonly Truth[];
}

export interface DenseRun {
  readonly method: VisionMethod;
  readonly seed: number;
  readonly tokens?: number;
  readonly firstLayer?: number;
  readonly epochs?: number;
  /** `from` is a head that was learnt alone. */
  readonly headStands?: boolean;
  /** What differs from the task's usual one. */
  readonly range?: Partial<AugmentationRange>;
  /** Of the head; 32 where left out. */
  readonly innerWidth?: number;
  /** Of masks: whether the head's patches say something of each of their cells; the plan's own choice where left out. */
  readonly byCell?: boolean;
  readonly taps?: readonly number[];
  readonly settings?: Partial<DenseSettings>;
  /** Where prompt and head start; else as a new tenant's. */
  readonly from?: Learnt;
}

export interface Trained<Score> {
  readonly score: Score;
  readonly learnt: Learnt;
  /** As a file keeps them, in halves. */
  readonly headBytes: number;
  readonly promptBytes: number;
  /** Hidden states included. */
  readonly seconds: number;
  readonly epochs: number;
}

const codec = createSharpCodec();

/** @param again scored on these too, by what was learnt */
export async function learnMasks(
  backbone: VisionBackbone,
  classes: number,
  train: Pictures<LabelMap>,
  test: Pictures<LabelMap>,
  run: DenseRun,
): Promise<Trained<SegmentationScore>> {
  const settings = settingsOf(backbone, train.files.length, run);
  const { byCell } = run;
  const chosen = planSegmentation(backbone.manifest, { classes, ...(byCell !== undefined && { byCell }) });
  const plan = changed(chosen, run);
  const tensors = segmentationTensors(plan.spec);
  const stores = await openStores(backbone, settings, plan.taps, "segment", run, alsoOfMasks(backbone, plan));
  try {
    const store = stores.of(train);
    const data = { store, map: async (row: number) => train.truths[row] as LabelMap };
    const task = imageSegmentation(backbone, settings, plan, data, headOf(tensors, run));
    const trained = await learn(settings, task, tensors, run);
    const masks = await openMasks(backbone, settings, plan);
    const tally = new SegmentationTally(classes);
    for await (const { row, map } of masks.draw(stores.of(test), trained.learnt))
      tally.add((test.truths[row] as LabelMap).data, map.data);
    await masks.release();
    return { ...trained, score: tally.score() };
  } finally {
    await stores.release();
  }
}

export async function learnBoxes(
  backbone: VisionBackbone,
  classes: number,
  train: Pictures<readonly LabelledBox[]>,
  test: Pictures<readonly LabelledBox[]>,
  run: DenseRun,
): Promise<Trained<DetectionScore>> {
  const settings = settingsOf(backbone, train.files.length, run);
  const images = [];
  for (const [at, file] of train.files.entries()) {
    const { width, height } = await imageFacts(codec, await file());
    images.push({ size: { width, height }, objects: train.truths[at] as readonly LabelledBox[] });
  }
  const chosen = planDetection(backbone.manifest, { classes, images });
  const plan = changed(chosen, run);
  const tensors = detectionTensors(plan.spec);
  const stores = await openStores(backbone, settings, plan.taps, "detect", run);
  try {
    const data = { store: stores.of(train), objects: train.truths };
    const task = imageDetection(backbone, settings, plan, data, headOf(tensors, run));
    const trained = await learn(settings, task, tensors, run);
    const boxes = await openBoxes(backbone, settings, plan);
    const answered: { truths: ReturnType<typeof inShape>[]; detections: Detection[] }[] = [];
    for await (const { row, found } of boxes.find(stores.of(test), trained.learnt))
      answered.push({
        truths: (test.truths[row] as readonly LabelledBox[]).map(inShape),
        detections: found.map((each) => ({ ...inShape(each), score: each.score })),
      });
    await boxes.release();
    return { ...trained, score: scoreDetections(answered, classes) };
  } finally {
    await stores.release();
  }
}

function settingsOf(
  backbone: VisionBackbone,
  trainRows: number,
  { settings, ...wish }: DenseRun,
): DenseSettings {
  const { method, seed, tokens, firstLayer, epochs, headStands } = wish;
  const given = {
    ...(tokens !== undefined && { tokens }),
    ...(firstLayer !== undefined && { firstLayer }),
    ...(epochs !== undefined && { epochs }),
    ...(headStands !== undefined && { headStands }),
  };
  return {
    ...chooseDenseSettings(backbone.manifest, { method, trainRows, seed, ...given }),
    ...settings,
  };
}

function changed<Plan extends SegmentationPlan | DetectionPlan>(
  plan: Plan,
  { taps = plan.taps, innerWidth = plan.spec.innerWidth }: DenseRun,
): Plan {
  return { ...plan, taps, spec: { ...plan.spec, innerWidth, layers: taps.length + 1 } };
}

function headOf(tensors: readonly HeadTensor[], { seed, from }: DenseRun): HeadNumbers {
  return from?.head ?? startHead(tensors, prng(seed, "head"));
}

async function openStores(
  backbone: VisionBackbone,
  settings: DenseSettings,
  taps: readonly number[],
  task: "segment" | "detect",
  { range }: DenseRun,
  also?: ReturnType<typeof alsoOfMasks>,
) {
  const lower = await openBelow(backbone, settings, { taps });
  const { copies, seed } = settings;
  const augmentation = { range: { ...AUGMENTATIONS[task], ...range }, copies, seed };
  return {
    of({ files }: Pictures<unknown>): ImageStore {
      const file = (image: number) => (files[image] as () => Promise<Uint8Array>)();
      const source = { images: files.length, codec, file };
      return ImageStore.open(backbone, lower, source, { augmentation, ...(also && { also }) });
    },
    release: () => lower.release(),
  };
}

async function learn(
  settings: DenseSettings,
  given: LearningTask,
  tensors: readonly HeadTensor[],
  { from }: DenseRun,
): Promise<Omit<Trained<never>, "score">> {
  // What a head alone learnt has no prompt.
  const prompted = from && from.prompt.length > 0;
  const site = given.site && prompted ? { ...given.site, start: () => from.prompt.slice() } : given.site;
  const begun = performance.now();
  const { end, prompt, head, epoch } = await runTuning({
    settings,
    task: { ...given, site },
    onEpoch: ({ epoch: at, loss }) => {
      if (at % Math.ceil(settings.epochs / 8) === 0)
        say(`${settings.method} epoch ${at}: ${loss.toFixed(4)}`);
    },
  });
  if (end !== "done") throw new Error(`the run ended as ${end}`);
  const seconds = (performance.now() - begun) / 1000;
  // What is scored is what a file would hold.
  const halves = (values: Float32Array) => float16ToFloat32(float32ToFloat16(values));
  const learnt = {
    prompt: halves(prompt),
    head: Object.fromEntries(
      Object.entries(head).map(([name, values]) => [name, halves(values as Float32Array)]),
    ),
  };
  const sizes = { headBytes: headBytes(tensors, 2), promptBytes: 2 * prompt.length };
  return { learnt, ...sizes, seconds, epochs: epoch };
}

/** Rows of boxes, labels in the given order. */
export function boxesOf(
  rows: readonly ImageRow[],
  labels: readonly string[],
  file: (name: string) => Promise<Uint8Array>,
): Pictures<readonly LabelledBox[]> {
  return {
    files: rows.map(
      ({ image }) =>
        () =>
          file(image),
    ),
    truths: rows.map(({ target }) => {
      const { objects } = target as { readonly objects: readonly ImageObject[] };
      return objects.map(({ label, box }) => ({ label: labels.indexOf(label), box }));
    }),
  };
}

/** Rows with mask files, whose numbers stand for classes 0, 1 .. in the given order. */
export async function masksOf(
  rows: readonly ImageRow[],
  numbers: readonly number[],
  file: (name: string) => Promise<Uint8Array>,
): Promise<Pictures<LabelMap>> {
  const truths: LabelMap[] = [];
  for (const { target } of rows)
    truths.push(relabel(await readMask(codec, await file((target as { file: string }).file)), numbers));
  return {
    files: rows.map(
      ({ image }) =>
        () =>
          file(image),
    ),
    truths,
  };
}

/** The last rows, and those before them: slices of one block resemble their neighbours, so that those between would be half known. */
export function lastHeldOut<T>(rows: readonly T[], count: number): { train: T[]; test: T[] } {
  return { train: rows.slice(0, -count), test: rows.slice(-count) };
}

/** The rows whose number leaves a rest of `every - 1`, and the others: to choose on, without looking at a test file. */
export function heldOut<T>(rows: readonly T[], every: number): { train: T[]; test: T[] } {
  const isHeld = (_: T, at: number) => at % every === every - 1;
  return { train: rows.filter((row, at) => !isHeld(row, at)), test: rows.filter(isHeld) };
}
