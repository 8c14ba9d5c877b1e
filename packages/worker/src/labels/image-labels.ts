import { KilotuneError } from "@kilotune/contract";
import type { ImageRow } from "@kilotune/dataset";
import type { LinearHead as ScaledHead } from "@kilotune/prompt";
import { heldOutImages, imageOutputs, type LinearHead } from "@kilotune/tuner";
import { type ImageFile, type ReadFiles, readImageFiles } from "../images/image-files.ts";
import { notesOf } from "../images/image-start.ts";
import { openImageVectors, pickVectors, type VectorRows } from "../images/image-vectors.ts";
import type { ImageJob } from "../job.ts";
import { mapFiles } from "../map-files.ts";
import type { JobData, TaskPlan } from "../task.ts";
import {
  type FittedLabels,
  type LabelFile,
  type LabelInput,
  type LabelRows,
  labelTask,
} from "./label-task.ts";
import type { LabelOutcome } from "./outcome.ts";
import { targetsOf } from "./targets.ts";

interface ImageLabelFile extends ImageFile<readonly string[]>, LabelFile {}

/** Any number of labels an image. */
export function imageLabels(
  job: ImageJob,
): TaskPlan<ImageLabelFile, LabelRows<VectorRows>, FittedLabels, LabelOutcome> {
  let files: ReadFiles<readonly string[]>;
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
      return { ...data, ...mapFiles(data, numbered) };
    },
    open: async (data) => labelTask(await openLabels(job, data, files), data),
  };
}

/** The file's head, whose scale a run doesn't know. */
function unscaled({ weight, bias, scale }: ScaledHead): LinearHead {
  return { weight: weight.map((value) => value * scale), bias };
}

/** One label or several. */
export function labelsOfRow({ target }: ImageRow): readonly string[] {
  return target.kind === "labels" ? target.labels : [];
}

async function openLabels(
  job: ImageJob,
  data: JobData<ImageLabelFile>,
  files: ReadFiles<readonly string[]>,
): Promise<LabelInput<ImageLabelFile, VectorRows>> {
  const { labels } = data;
  const images = await openImageVectors(job, data.train.count, files);
  const { backbone, linear, chosen, settings } = images;
  return {
    backbone: backbone.manifest,
    settings,
    linear,
    seed: job.seed,
    rows: "images",
    [Symbol.asyncDispose]: () => images[Symbol.asyncDispose](),
    prepareTraining: (file, onProgress) => images.prepare(file, chosen.copies, onProgress),
    prepare: (file, onProgress) => images.prepare(file, 0, onProgress),
    pick: pickVectors,
    outputs(changes) {
      const own = { ...chosen, ...changes };
      return {
        settings: own,
        task: (data, start) => imageOutputs(backbone, own, data, start, "sigmoid"),
        heldOut: ({ store }) => heldOutImages(backbone, own, store),
        beginOf: (rows, taskOn, taskFrom) =>
          images.beginOf(own, rows, taskOn, (head) => taskFrom(unscaled(head as ScaledHead))),
      };
    },
    vectorsOf: (learnt, rows) => images.vectorsOf(learnt, rows),
    vectorsOfPrompt: (prompt, rows) => images.vectorsOfPrompt(prompt, rows),
    publish: (calibration, head, published) =>
      images.publish({ task: "multi_label", labels: [...labels], calibration }, head, published),
    attention: (prompt, file) => images.attention(prompt, file),
    promptNumbers: images.promptNumbers,
    notes: notesOf(files.start),
  };
}
