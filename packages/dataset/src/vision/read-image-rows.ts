import { decodeLines } from "../decode-lines.ts";
import type { Chunks } from "../decode-text.ts";
import { readJsonl } from "../read-jsonl.ts";
import type { Reading } from "../reading.ts";
import { IMAGE_ROWS } from "./check-image-row.ts";
import type { ImageRow, VisionTask } from "./image-rows.ts";

/** 8 MiB: a row may hold its image itself, as a `data:` URL of some 6 MB. Larger ones come beside the rows. */
export const MAX_IMAGE_LINE_LENGTH = 8 * 2 ** 20;

/**
 * The rows of a JSONL file about images, as `readExamples` gives those of texts. No image is opened: what only the images
 * tell is the linter's `see`.
 */
export function readImageRows(chunks: Chunks, task: VisionTask): AsyncGenerator<Reading<ImageRow>> {
  return readJsonl(decodeLines(chunks, MAX_IMAGE_LINE_LENGTH), IMAGE_ROWS[task]);
}
