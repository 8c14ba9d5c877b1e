import { KilotuneError, type Picture } from "@kilotune/contract";
import { drawShots, type ImageRow } from "@kilotune/dataset";
import { AUGMENTATIONS } from "@kilotune/image";
import { type Prompt, type PromptManifest, roundToStorage, type Use } from "@kilotune/prompt";
import {
  chooseVisionSettings,
  classMeans,
  embedImages,
  featureWanted,
  ImageStore,
  imageAccuracy,
  imageClassification as learnImages,
  openedSite,
  openLinearSession,
  promptFeed,
  runTuning,
  visionSite,
} from "@kilotune/tuner";
import { imageBackbone } from "../images/image-backbone.ts";
import { type ImageFile, nameOfRow, readImageFiles } from "../images/image-files.ts";
import { pictureOf } from "../images/picture.ts";
import type { ReadImages } from "../images/read-images.ts";
import type { ImageJob } from "../job.ts";
import { servedPart, siteOfPrompt, withPart } from "../prompt-part.ts";
import { sharedSessions } from "../shared-sessions.ts";
import type { JobData, TaskPlan } from "../task.ts";
import { headLogits } from "./class-heads.ts";
import {
  type ClassFile,
  type ClassInput,
  type ClassRows,
  classTask,
  type FittedClasses,
} from "./class-task.ts";
import type { ClassOutcome } from "./outcome.ts";

export interface ClassifiedFile extends ImageFile<number>, ClassFile {}

export interface ClassifiedRows extends ClassRows {
  readonly store: ImageStore;
  pictureOf(row: number): Promise<Picture>;
}

export type ImageClassifier = Prompt<Use<"imageClassification">>;

/** One label an image. */
export function imageClassification(
  job: ImageJob,
): TaskPlan<ClassifiedFile, ClassifiedRows, FittedClasses, ClassOutcome> {
  let files: AsyncDisposable | undefined;
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
      return {
        ...data,
        train: labelled(data.train),
        validation: data.validation && labelled(data.validation),
        test: data.test && labelled(data.test),
        otherTests: data.otherTests.map(labelled),
      };
    },
    open: async (data) => classTask(await openImages(job, data, files as AsyncDisposable), data),
  };
}

/** Of a picture in the report, in pixels. */
const PICTURE_SIDE = 160;

async function openImages(
  job: ImageJob,
  data: JobData<ClassifiedFile>,
  files: AsyncDisposable,
): Promise<ClassInput<ClassifiedFile, ClassifiedRows>> {
  const { labels } = data;
  const classes = labels.length;
  await using opened = new AsyncDisposableStack();
  opened.use(files);
  const backbone = opened.use(sharedSessions(job.backbone));
  const { manifest } = backbone;
  const chosen = chooseVisionSettings(manifest, {
    method: job.method,
    trainRows: data.train.count,
    seed: job.seed,
    ...(job.tokens === undefined ? {} : { tokens: job.tokens }),
    ...(job.firstLayer === undefined ? {} : { firstLayer: job.firstLayer }),
    ...(job.epochs === "auto" ? {} : { epochs: job.epochs }),
  });
  const settings = job.method === "head" ? undefined : chosen;
  const { feature } = chosen;
  const { hiddenSize } = manifest.config;
  const site = visionSite(chosen, manifest);
  const below = openedSite(chosen, site);
  const lower = await backbone.open({ kind: "lower", site: below });
  const wanted = featureWanted(feature);
  // What lies below a prompt differs from site to site: the plain backbone has its own, which nothing keeps.
  const plainSite = { kind: "none", firstLayer: manifest.config.layers - 1 } as const;
  const plainLower = await backbone.open({ kind: "lower", site: plainSite });
  const plain = await backbone.open({ kind: "upper", site: plainSite, wanted });
  const linear = await openLinearSession(backbone.openGraph, hiddenSize);
  opened.defer(() => linear.release());
  const kept = opened.move();

  const prepare = async (
    file: ClassifiedFile,
    copies: number,
    onProgress: (share: number) => void = () => {},
  ): Promise<ClassifiedRows> => {
    const range = AUGMENTATIONS.classify;
    const augmentation = { range, copies, seed: job.seed };
    const store = ImageStore.open(backbone, lower, file.source, copies > 0 ? { augmentation } : {});
    await store.fill((done) => onProgress(done / Math.max(1, file.count)));
    const plainStore = ImageStore.open(backbone, plainLower, file.source, { budgetBytes: 0 });
    return {
      name: file.name,
      count: file.count,
      texts: file.rows.map(nameOfRow),
      labels: file.labels,
      store,
      vectors: await embedImages(plain, plainStore, feature),
      truncatedRows: 0,
      pictureOf: async (row: number) => (await pictureOf(file.source, row, PICTURE_SIDE)).picture,
    };
  };
  return {
    backbone: manifest,
    settings,
    linear,
    seed: job.seed,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
    prepareTraining: (file, onProgress) => prepare(file, chosen.copies, onProgress),
    prepare: (file, onProgress) => prepare(file, 0, onProgress),
    pick: pickImages,

    moreRows: () => 0,
    runFacts: (train, validation) => [[...train.labels], validation && [...validation.labels]],
    learn({ train, validation, epochs, settings: candidate, ...run }) {
      const own = { ...chosen, ...candidate, epochs };
      const prototypes = classMeans(train.vectors, train.labels, classes, hiddenSize);
      const rows = { store: train.store, labels: train.labels, classes };
      return runTuning({
        ...run,
        settings: own,
        task: learnImages(backbone, own, rows, prototypes),
        ...(validation ? { validation: imageAccuracy(backbone, own, linear, validation) } : {}),
      });
    },
    async vectorsOf({ prompt }, { store }) {
      const upper = await backbone.open({ kind: "upper", site: below, wanted });
      return embedImages(upper, store, feature, promptFeed(site, prompt));
    },

    async publish({ head, tuned, temperature, receipt }) {
      const shared = {
        format: "kilotune.prompt/1",
        task: "classification",
        input: "image",
        labels: [...labels],
        backbone: imageBackbone(backbone),
        head: { kind: head.kind as "cosine" | "linear", scale: head.scale, feature },
        calibration: { temperature },
        storage: job.storage ?? "float16",
        receipt: { ...receipt, settings: tuned ? { ...chosen, epochs: tuned.epoch } : { feature } },
        metrics: {},
      } satisfies Partial<PromptManifest>;
      const prompt = withPart(tuned && (await servedPart(backbone, chosen, tuned.prompt)), shared, head);
      return roundToStorage(prompt as ImageClassifier, shared.storage);
    },
    async answer(prompt, rows) {
      const published = prompt as ImageClassifier;
      if (published.method === "head") return headLogits(linear, published.head, rows.vectors);
      const { site: own, feeds } = siteOfPrompt(published, plainSite.firstLayer);
      const upper = await backbone.open({ kind: "upper", site: own, wanted });
      return headLogits(linear, published.head, await embedImages(upper, rows.store, feature, feeds));
    },
    promptNumbers: site?.dims.reduce((a, b) => a * b, 1) ?? 0,
    notes: () => [],
    tokensIn: ({ store }) => store.lengths.reduce((sum, length) => sum + length, 0),
  };
}

/** Some rows of a file; nothing is computed again. */
function pickImages(rows: ClassifiedRows, wanted: readonly number[]): ClassifiedRows {
  const hiddenSize = rows.vectors.length / Math.max(1, rows.count);
  const vectors = new Float32Array(wanted.length * hiddenSize);
  wanted.forEach((row, at) => {
    vectors.set(rows.vectors.subarray(row * hiddenSize, (row + 1) * hiddenSize), at * hiddenSize);
  });
  return {
    ...rows,
    count: wanted.length,
    texts: wanted.map((row) => rows.texts[row] as string),
    labels: Int32Array.from(wanted, (row) => rows.labels[row] as number),
    store: rows.store.subset(wanted),
    vectors,
    pictureOf: (row) => rows.pictureOf(wanted[row] as number),
  };
}

function labelOf({ target }: ImageRow): string {
  if (target.kind === "labels" && !target.several) return target.labels[0] as string;
  throw new KilotuneError(
    "several_labels",
    'expected one "label" an image, seen "labels".',
    'Write {"image": "..", "label": ".."}: images of several labels at once are another task.',
  );
}

function drawn(file: ReadImages, shots: number, seed: number): ReadImages {
  const rows = file.rows.map((row, at) => ({ label: labelOf(row), at }));
  const places = drawShots(rows, shots, seed).map(({ at }) => at);
  return {
    ...file,
    rows: places.map((at) => file.rows[at] as ImageRow),
    sha256: places.map((at) => file.sha256[at] as string),
  };
}
