import { type ImageRow, similarImages, type VisionTask } from "@kilotune/dataset";
import type { ImageCodec } from "@kilotune/image";
import { createSharpCodec } from "@kilotune/image/node";
import type { ImageSource } from "@kilotune/tuner";
import type { ImageJob, JobEvent } from "../job.ts";
import { once } from "../once.ts";
import type { JobData, RowsOf } from "../task.ts";
import { type ImageStart, imageStart, labelsInOrder } from "./image-start.ts";
import { hashOfImages, type ReadImages, readImages } from "./read-images.ts";

/** A file's images, with what is true of each. */
export interface ImageFile<Truth> extends RowsOf {
  readonly rows: readonly ImageRow[];
  readonly truths: readonly Truth[];
  readonly source: ImageSource;
  /** What a row's `mask` names. */
  read(row: string): Promise<Uint8Array>;
}

export interface ReadFiles<Truth> extends AsyncDisposable {
  readonly data: JobData<ImageFile<Truth>>;
  /** What the job's runs begin with, where it names another prompt. */
  readonly start: ImageStart | undefined;
}

/**
 * All files of a job on images.
 *
 * @param labelsOf from the training rows' labels, sorted by the caller
 * @param truthOf what is true of a row, its labels numbered
 */
export async function readImageFiles<Truth>(
  job: ImageJob,
  task: VisionTask,
  emit: (event: JobEvent) => void,
  {
    labelsOf,
    truthOf,
    draw = (file) => file,
  }: {
    labelsOf(train: ReadImages): Promise<readonly string[]>;
    truthOf(row: ImageRow, classOf: ReadonlyMap<string, number>): Truth;
    /** Some of the training rows. */
    draw?(train: ReadImages): ReadImages;
  },
): Promise<ReadFiles<Truth>> {
  const codec = createSharpCodec();
  await using opened = new AsyncDisposableStack();
  const read = async (source: typeof job.train | undefined, against?: ReadImages) =>
    source &&
    opened.use(
      await readImages(source, task, codec, emit, against ? "answering" : "learning", against?.linter),
    );
  const whole = (await read(job.train)) as ReadImages;
  const train = draw(whole);
  const found = await labelsOf(train);
  // Numbers of masks stand in an order of their own.
  const labels = task === "detect" ? labelsInOrder(job, found) : found;
  const start = await imageStart(job, labels);
  if (start !== undefined) emit({ kind: "note", words: start.words });
  const classOf = new Map(labels.map((label, at) => [label, at]));
  const file = (from: ReadImages | undefined) => from && fileOf(from, codec, (row) => truthOf(row, classOf));
  const validation = await read(job.validation, whole);
  const test = await read(job.test, whole);
  const otherTests = [];
  for (const source of job.otherTests ?? []) otherTests.push(await read(source, whole));
  const kept = opened.move();
  return {
    start,
    data: {
      labels,
      train: file(train) as ImageFile<Truth>,
      validation: file(validation),
      test: file(test),
      otherTests: otherTests.map((each) => file(each) as ImageFile<Truth>),
      sha256: hashOfImages(labels, [train, validation]),
      together: once(() => similarImages(train.looks)),
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

export function fileOf<Truth>(
  { name, rows, read }: ReadImages,
  codec: ImageCodec,
  truthOf: (row: ImageRow) => Truth,
): ImageFile<Truth> {
  const file = (at: number) => read((rows[at] as ImageRow).image);
  return {
    name,
    count: rows.length,
    rows,
    truths: rows.map(truthOf),
    source: { images: rows.length, codec, file },
    read,
  };
}

/** What people see of a row: its path, or its number where it holds the image itself. */
export function nameOfRow({ image, line }: ImageRow): string {
  return image.startsWith("data:") ? `image ${line}` : image;
}
