import { KilotuneError } from "@kilotune/contract";
import type { ImageRow } from "@kilotune/dataset";
import { imageOutputs, imageOutputValidation, runTuning } from "@kilotune/tuner";
import { type ImageFile, readImageFiles } from "../images/image-files.ts";
import { openImageVectors, pickVectors, type VectorRows } from "../images/image-vectors.ts";
import type { ImageJob } from "../job.ts";
import type { JobData, TaskPlan } from "../task.ts";
import {
  type FittedLabels,
  type LabelFile,
  type LabelInput,
  type LabelRows,
  labelTask,
} from "./label-task.ts";
import type { LabelOutcome } from "./outcome.ts";
import { labelMeasure, pickTargets, targetsOf } from "./text-labels.ts";

interface ImageLabelFile extends ImageFile<readonly string[]>, LabelFile {}
interface ImageLabelRows extends VectorRows, LabelRows {}

/** Any number of labels an image. */
export function imageLabels(
  job: ImageJob,
): TaskPlan<ImageLabelFile, ImageLabelRows, FittedLabels, LabelOutcome> {
  let files: AsyncDisposable;
  return {
    async read(emit) {
      const read = await readImageFiles<readonly string[]>(job, "classify", emit, {
        labelsOf: async ({ rows, name }) => {
          const labels = [...new Set(rows.flatMap(labelsOfRow))].sort();
          if (labels.length > 0) return labels;
          throw new KilotuneError(
            "no_labels",
            `expected labels in ${name}, seen none in all its rows.`,
            'Write {"image": "..", "labels": ["..", ".."]}; [] is for images that none fits.',
          );
        },
        truthOf: labelsOfRow,
      });
      files = read;
      const { data } = read;
      const numbered = (file: ImageFile<readonly string[]>): ImageLabelFile => ({
        ...file,
        ...targetsOf(file.truths, data.labels),
      });
      return {
        ...data,
        train: numbered(data.train),
        validation: data.validation && numbered(data.validation),
        test: data.test && numbered(data.test),
        otherTests: data.otherTests.map(numbered),
      };
    },
    open: async (data) => labelTask(await openLabels(job, data, files), data),
  };
}

/** One label or several. */
export function labelsOfRow({ target }: ImageRow): readonly string[] {
  return target.kind === "labels" ? target.labels : [];
}

async function openLabels(
  job: ImageJob,
  data: JobData<ImageLabelFile>,
  files: AsyncDisposable,
): Promise<LabelInput<ImageLabelFile, ImageLabelRows>> {
  const { labels } = data;
  const images = await openImageVectors(job, data.train.count, files);
  const { backbone, linear, chosen, settings } = images;
  const prepare = async (file: ImageLabelFile, copies: number, onProgress?: (share: number) => void) => ({
    ...(await images.prepare(file, copies, onProgress)),
    targets: file.targets,
    unknown: file.unknown,
  });
  return {
    backbone: backbone.manifest,
    settings,
    linear,
    seed: job.seed,
    rows: "images",
    [Symbol.asyncDispose]: () => images[Symbol.asyncDispose](),
    prepareTraining: (file, onProgress) => prepare(file, chosen.copies, onProgress),
    prepare: (file, onProgress) => prepare(file, 0, onProgress),
    pick: (rows, wanted) => ({ ...pickVectors(rows, wanted), ...pickTargets(rows, wanted) }),
    learn({ train, validation, epochs, settings: candidate, ...run }, start) {
      const own = { ...chosen, ...candidate, epochs };
      const { store, targets } = train;
      return runTuning({
        ...run,
        settings: own,
        task: imageOutputs(backbone, own, { store, targets, outputs: labels.length }, start, "sigmoid"),
        ...(validation && {
          validation: imageOutputValidation(
            backbone,
            own,
            linear,
            validation.store,
            labelMeasure(validation, labels.length),
          ),
        }),
      });
    },
    vectorsOf: (learnt, rows) => images.vectorsOf(learnt, rows),
    vectorsOfPrompt: (prompt, rows) => images.vectorsOfPrompt(prompt, rows),
    publish: (calibration, head, published) =>
      images.publish({ task: "multi_label", labels: [...labels], calibration }, head, published),
    promptNumbers: images.promptNumbers,
    tokensIn: ({ store }) => store.lengths.reduce((sum, length) => sum + length, 0),
  };
}
