import { type RowShape, TEXT_ROWS } from "../check-row.ts";
import { decodeLines } from "../decode-lines.ts";
import type { Chunks } from "../decode-text.ts";
import { readCsv, type TableShape } from "../read-csv.ts";
import { readJsonl } from "../read-jsonl.ts";
import { errorAt, type Format, type Reading, WHOLE_FILE } from "../reading.ts";
import { MULTI_LABEL_ROWS, paired, REGRESSION_ROWS, RETRIEVAL_ROWS } from "./check-text-row.ts";
import { TAG_ROWS } from "./check-tags.ts";
import type { RowOfTask, TextTask } from "./text-rows.ts";

export interface TextRowsOptions<T extends TextTask> {
  readonly format: Format;
  readonly task: T;
  /** Whether each row has a second text, `text_pair`. Of tagging and retrieval never. */
  readonly pairs?: boolean;
}

/**
 * The rows of a file and what is wrong with the others, in one pass and bounded memory. Faults are data, never thrown;
 * after one that leaves nothing to read (binary, UTF-16, a line without end) the rest of `chunks` is not pulled.
 */
export function readTextRows<T extends TextTask>(
  chunks: Chunks,
  { format, task, pairs = false }: TextRowsOptions<T>,
): AsyncGenerator<Reading<RowOfTask[T]>> {
  const shape = (pairs ? PAIRED[task] : SHAPES[task]) as RowShape<RowOfTask[T]>;
  const lines = decodeLines(chunks);
  if (format === "jsonl") return readJsonl(lines, shape);
  return isTable(shape) ? readCsv(lines, shape) : noTable(shape.example);
}

const SHAPES: { readonly [T in TextTask]: RowShape<RowOfTask[T]> } = {
  classification: TEXT_ROWS,
  multi_label: MULTI_LABEL_ROWS,
  regression: REGRESSION_ROWS,
  tagging: TAG_ROWS,
  retrieval: RETRIEVAL_ROWS,
};

const PAIRED: { readonly [T in TextTask]: RowShape<RowOfTask[T]> } = {
  ...SHAPES,
  classification: paired(TEXT_ROWS),
  multi_label: paired(MULTI_LABEL_ROWS),
  regression: paired(REGRESSION_ROWS),
};

function isTable<R>(shape: RowShape<R>): shape is TableShape<R> {
  return shape.csv !== undefined;
}

async function* noTable<R>(example: string): AsyncGenerator<Reading<R>> {
  yield errorAt(
    WHOLE_FILE,
    "csv_no_table",
    "expected JSONL, seen CSV: a cell can't hold a list of tokens.",
    `Write one object a line: ${example}`,
  );
}
