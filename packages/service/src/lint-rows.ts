import { KilotuneError, type LintIssue } from "@kilotune/contract";
import {
  guessFormat,
  guessRows,
  type ImageZip,
  lintFile,
  lintImages,
  lintTextRows,
  openImageZip,
  readImageRows,
  readRowFile,
  type RowsAre,
} from "@kilotune/dataset";
import { DEFAULT_LIMITS, sniffFormat } from "@kilotune/image";
import type { ImageLooks } from "./context.ts";
import { isInputError } from "./errors.ts";
import type { Lint } from "./linted.ts";
import { heldFile } from "./held-file.ts";

/**
 * Rows to learn from: JSONL, CSV, or a zip of JSONL and images. What they are about, the first row says; whether that is
 * what a job needs, the job's own validation does.
 */
export function lintRows(filename: string, looks: ImageLooks | undefined): Lint {
  if (isZip(filename)) return (chunks) => lintZip(chunks, looks);
  const format = guessFormat(filename);
  if (format === "csv") return async (chunks) => (await lintFile(chunks, { format })).report.errors;
  return async (given) => {
    const { rows, chunks } = await guessRows(given);
    return lintGuessed(rows, chunks, looks);
  };
}

export function isZip(filename: string): boolean {
  return /\.zip$/i.test(filename);
}

async function lintZip(
  chunks: AsyncIterable<Uint8Array>,
  looks: ImageLooks | undefined,
): Promise<readonly LintIssue[]> {
  await using held = await heldFile(chunks);
  try {
    const zip = await openImageZip(held.file, held.sizeBytes, DEFAULT_LIMITS.maxBytes);
    const { rows } = await guessRows(zip.rows());
    // Texts need no zip, but their linter says best what is wrong with rows that name no image.
    return await lintGuessed(rows, zip.rows(), looks, zip);
  } catch (error) {
    if (!isInputError(error)) throw error;
    const { code, message, hint } = error;
    return [{ line: 0, column: 0, code, message, hint }];
  }
}

async function lintGuessed(
  rows: RowsAre,
  chunks: AsyncIterable<Uint8Array>,
  looks: ImageLooks | undefined,
  zip?: ImageZip,
): Promise<readonly LintIssue[]> {
  if (rows.about === "texts") {
    const { task, pairs } = rows;
    return (await lintTextRows(chunks, { format: "jsonl", task, pairs })).report.errors;
  }
  const read = (path: string) => readRowFile(path, zip);
  const readings = readImageRows(chunks, rows.task);
  if (looks !== undefined) {
    const eyes = {
      image: async (path: string) => looks.image(await read(path)),
      mask: async (path: string) => looks.mask(await read(path)),
    };
    return (await lintImages(readings, { eyes })).report.errors;
  }
  // Without a decoder at hand: the rows, and that what they name is there and is an image by its first bytes.
  const missing: LintIssue[] = [];
  async function* looked() {
    for await (const reading of readings) {
      yield reading;
      if (reading.kind !== "row" || missing.length >= MAX_MISSING) continue;
      const { line, image, target } = reading.row;
      for (const path of target.kind === "mask" ? [image, target.file] : [image])
        await read(path)
          .then(refuseOther)
          .catch((error: unknown) => {
            if (!isInputError(error)) throw error;
            const { code, message, hint } = error;
            missing.push({ line, column: 0, code, message, hint });
          });
    }
  }
  const { report } = await lintImages(looked());
  return [...report.errors, ...missing];
}

function refuseOther(bytes: Uint8Array): void {
  if (sniffFormat(bytes) !== null) return;
  throw new KilotuneError(
    "image_format",
    "expected a JPEG, PNG, GIF, WebP, TIFF or DICOM file, seen none of their first bytes.",
    "Convert it to PNG or JPEG.",
  );
}

const MAX_MISSING = 1000;
