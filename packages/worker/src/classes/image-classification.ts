import { KilotuneError } from "@kilotune/contract";
import { type ComparedImage, drawShots, type ImageRow } from "@kilotune/dataset";
import type { CosineHead, Prompt, Use } from "@kilotune/prompt";
import { classMeans, imageAccuracy, imageClassification as learnImages, runTuning } from "@kilotune/tuner";
import { type ImageFile, type ReadFiles, readImageFiles } from "../images/image-files.ts";
import { notesOf } from "../images/image-start.ts";
import { openImageVectors, pickVectors, type VectorRows } from "../images/image-vectors.ts";
import type { ReadImages } from "../images/read-images.ts";
import type { ImageJob } from "../job.ts";
import { mapFiles } from "../map-files.ts";
import type { JobData, TaskPlan } from "../task.ts";
import { tokensOf } from "../tokens-of.ts";
import { headLogits } from "./class-heads.ts";
import { type ClassFile, type ClassInput, classTask, type FittedClasses } from "./class-task.ts";
import type { ClassOutcome } from "./outcome.ts";

export interface ClassifiedFile extends ImageFile<number>, ClassFile {}

export interface ClassifiedRows extends VectorRows {
  readonly labels: Int32Array;
}

export type ImageClassifier = Prompt<Use<"imageClassification">>;

/** One label an image. */
export function imageClassification(
  job: ImageJob,
): TaskPlan<ClassifiedFile, ClassifiedRows, FittedClasses, ClassOutcome> {
  let files: ReadFiles<number>;
  return {
    async read(emit) {
      const read = await readImageFiles<number>(job, "classify", emit, {
        labelsOf: async ({ rows }) => [...new Set(rows.map(labelOf))].sort(),
        truthOf: (row, classOf) => classOf.get(labelOf(row)) ?? -1,
        draw: (file) => (job.shots === undefined ? file : drawn(file, job.shots, job.seed)),
      });
      files = read;
      const { data } = read;
      const labelled = (file: ImageFile<number>): ClassifiedFile => ({
        ...file,
        labels: Int32Array.from(file.truths),
      });
      return { ...data, ...mapFiles(data, labelled) };
    },
    open: async (data) => classTask(await openImages(job, data, files), data),
  };
}

async function openImages(
  job: ImageJob,
  data: JobData<ClassifiedFile>,
  files: ReadFiles<number>,
): Promise<ClassInput<ClassifiedFile, ClassifiedRows>> {
  const { labels } = data;
  const classes = labels.length;
  const images = await openImageVectors(job, data.train.count, files);
  const { backbone, linear, chosen, settings } = images;
  const { manifest } = backbone;
  const prepare = async (file: ClassifiedFile, copies: number, onProgress?: (share: number) => void) => ({
    ...(await images.prepare(file, copies, onProgress)),
    labels: file.labels,
  });
  return {
    backbone: manifest,
    settings,
    linear,
    seed: job.seed,
    [Symbol.asyncDispose]: () => images[Symbol.asyncDispose](),
    prepareTraining: (file, onProgress) => prepare(file, chosen.copies, onProgress),
    prepare: (file, onProgress) => prepare(file, 0, onProgress),
    pick: (rows, wanted) => ({
      ...pickVectors(rows, wanted),
      labels: Int32Array.from(wanted, (row) => rows.labels[row] as number),
    }),

    moreRows: () => 0,
    runFacts: (train, validation) => [[...train.labels], validation && [...validation.labels]],
    learn({ train, validation, epochs, settings: candidate, ...run }) {
      const own = { ...chosen, ...candidate, epochs };
      const { labels } = train;
      const taskFrom = (prototypes: Float32Array) =>
        learnImages(backbone, own, { store: train.store, labels, classes }, prototypes);
      const taskOn = (vectors: Float32Array) =>
        taskFrom(classMeans(vectors, labels, classes, manifest.config.hiddenSize));
      return runTuning({
        ...run,
        settings: own,
        ...images.beginOf(own, train, taskOn, (head) => taskFrom((head as CosineHead).weight)),
        task: taskOn(train.vectors),
        ...(validation ? { validation: imageAccuracy(backbone, own, linear, validation) } : {}),
      });
    },
    vectorsOf: (learnt, rows) => images.vectorsOf(learnt, rows),

    publish: ({ head, temperature, ...published }) =>
      images.publish(
        { task: "classification", labels: [...labels], calibration: { temperature } },
        head,
        published,
      ),
    answer: async (prompt, rows) =>
      headLogits(linear, (prompt as ImageClassifier).head, await images.vectorsOfPrompt(prompt, rows)),
    attention: (prompt, file) => images.attention(prompt, file),
    promptNumbers: images.promptNumbers,
    notes: () => notesOf(files.start),
    tokensIn: ({ store }) => tokensOf(store),
  };
}

function labelOf({ target }: ImageRow): string {
  if (target.kind === "labels" && !target.several) return target.labels[0] as string;
  throw new KilotuneError(
    "several_labels",
    'expected one "label" an image, seen "labels".',
    'Write {"image": "..", "label": ".."}; images of several labels at once are the task multi_label.',
  );
}

function drawn(file: ReadImages, shots: number, seed: number): ReadImages {
  const rows = file.rows.map((row, at) => ({ label: labelOf(row), at }));
  const places = drawShots(rows, shots, seed).map(({ at }) => at);
  return {
    ...file,
    rows: places.map((at) => file.rows[at] as ImageRow),
    looks: places.map((at) => file.looks[at] as ComparedImage),
  };
}
