import { decodeLines } from "../decode-lines.ts";
import type { Chunks } from "../decode-text.ts";
import { readJsonl } from "../read-jsonl.ts";
import type { Reading } from "../reading.ts";
import { IMAGE_ROWS } from "./check-image-row.ts";
import type { ImageRow, VisionTask } from "./image-rows.ts";

/**
 * The rows of a JSONL file about images, as `readExamples` gives those of texts. No image is opened: what only the images
 * tell is the linter's `see`.
 */
export function readImageRows(chunks: Chunks, task: VisionTask): AsyncGenerator<Reading<ImageRow>> {
  return readJsonl(decodeLines(chunks), IMAGE_ROWS[task]);
}
