import { KilotuneError, type LintIssue, type LintReport } from "@kilotune/contract";
import {
  guessFormat,
  guessRows,
  type ImageLinter,
  type ImageZip,
  lintImages,
  lintTextRows,
  openImageZip,
  readImageRows,
  readRowFile,
  type RowsAre,
  type VisionTask,
} from "@kilotune/dataset";
import { DEFAULT_LIMITS, sniffFormat } from "@kilotune/image";
import type { ImageLooks } from "./context.ts";
import { isInputError } from "./errors.ts";
import { heldFile } from "./held-file.ts";
import type { Lint } from "./linted.ts";

/**
 * Rows to learn from: JSONL, CSV, or a zip of JSONL and images. What they are about, the first row says; whether that is
 * what a job needs, the job's own validation does.
 */
export function lintRows(filename: string, looks: ImageLooks | undefined): Lint {
  if (isZip(filename))
    return async (chunks) => {
      await using held = await heldFile(chunks);
      // Awaited here: the file is closed with this block.
      return await refusalsOf(async () => {
        const zip = await openImageZip(held.file, held.sizeBytes, DEFAULT_LIMITS.maxBytes);
        const { rows } = await guessRows(zip.rows());
        return lintGuessed(rows, zip.rows(), looks, zip);
      });
    };
  const format = guessFormat(filename);
  return async (given) => {
    const { rows, chunks } = await guessRows(given, format);
    if (format === "csv" && rows.about === "texts")
      return (await lintTextRows(chunks, { format, task: rows.task, pairs: rows.pairs })).report.errors;
    return lintGuessed(rows, chunks, looks);
  };
}

export interface LintImageFileOptions {
  readonly task: VisionTask;
  readonly looks?: ImageLooks | undefined;
  /** The training file's: makes this one a validation file's. */
  readonly against?: ImageLinter | undefined;
}

/** A file of rows about images, for a task that is known. @throws KilotuneError `zip_*` */
export async function lintImageFile(
  filename: string,
  chunks: AsyncIterable<Uint8Array>,
  options: LintImageFileOptions,
): Promise<{ readonly report: LintReport; readonly linter: ImageLinter }> {
  if (!isZip(filename)) return lintImageRows(chunks, options);
  await using held = await heldFile(chunks);
  const zip = await openImageZip(held.file, held.sizeBytes, DEFAULT_LIMITS.maxBytes);
  return await lintImageRows(zip.rows(), options, zip);
}

function isZip(filename: string): boolean {
  return /\.zip$/i.test(filename);
}

async function lintGuessed(
  rows: RowsAre,
  chunks: AsyncIterable<Uint8Array>,
  looks: ImageLooks | undefined,
  zip?: ImageZip,
): Promise<readonly LintIssue[]> {
  // Texts need no zip, but their linter says best what is wrong with rows that name no image.
  if (rows.about === "texts")
    return (await lintTextRows(chunks, { format: "jsonl", task: rows.task, pairs: rows.pairs })).report
      .errors;
  return (await lintImageRows(chunks, { task: rows.task, looks }, zip)).report.errors;
}

async function lintImageRows(
  chunks: AsyncIterable<Uint8Array>,
  { task, looks, against }: LintImageFileOptions,
  zip?: ImageZip,
): Promise<{ readonly report: LintReport; readonly linter: ImageLinter }> {
  const read = (path: string) => readRowFile(path, zip);
  const readings = readImageRows(chunks, task);
  const options = against === undefined ? {} : { against };
  if (looks !== undefined) {
    const eyes = {
      image: async (path: string) => looks.image(await read(path)),
      mask: async (path: string) => looks.mask(await read(path)),
    };
    return lintImages(readings, { ...options, eyes });
  }
  // Without a decoder at hand: the rows, and that what they name is there and is an image by its first bytes.
  const missing: LintIssue[] = [];
  async function* looked() {
    for await (const reading of readings) {
      yield reading;
      if (reading.kind !== "row" || missing.length >= MAX_MISSING) continue;
      const { line, image, target } = reading.row;
      for (const path of target.kind === "mask" ? [image, target.file] : [image])
        missing.push(...(await refusalsOf(async () => refuseOther(await read(path)), line)));
    }
  }
  const { report, linter } = await lintImages(looked(), options);
  return { report: { ...report, errors: [...report.errors, ...missing] }, linter };
}

/** What the file is to blame for, as an issue. */
async function refusalsOf(
  work: () => Promise<readonly LintIssue[]>,
  line = 0,
): Promise<readonly LintIssue[]> {
  try {
    return await work();
  } catch (error) {
    if (!isInputError(error)) throw error;
    const { code, message, hint } = error;
    return [{ line, column: 0, code, message, hint }];
  }
}

function refuseOther(bytes: Uint8Array): readonly LintIssue[] {
  if (sniffFormat(bytes) !== null) return [];
  throw notAnImage();
}

export function notAnImage(): KilotuneError {
  return new KilotuneError(
    "image_format",
    "expected a JPEG, PNG, GIF, WebP, TIFF or DICOM file, seen none of their first bytes.",
    "Convert it to PNG or JPEG.",
  );
}

const MAX_MISSING = 1000;
