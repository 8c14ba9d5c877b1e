import { stat } from "node:fs/promises";
import { guessFormat, guessRows, type RowsAre, type TextTask } from "@kilotune/dataset";
import { openInput } from "./input-file.ts";
import type { Terminal } from "./terminal/terminal.ts";

/** What `--task` calls the tasks of texts that aren't told by one label a row. */
export const TEXT_TASKS = {
  "multi-label": "multi_label",
  regress: "regression",
  retrieve: "retrieval",
  tag: "tagging",
} as const satisfies Readonly<Record<string, TextTask>>;

export type TextTaskFlag = keyof typeof TEXT_TASKS;

export function isTextTask(flag: string): flag is TextTaskFlag {
  return Object.hasOwn(TEXT_TASKS, flag);
}

/**
 * What a file's rows are, by its first one; texts to classify where that doesn't say. undefined of what isn't a file of rows:
 * a folder, or a pipe, of which nothing may be read beforehand.
 */
export async function recogniseRows(file: string, terminal: Terminal): Promise<RowsAre | undefined> {
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile() || /\.(zip|ya?ml)$/i.test(file)) return undefined;
  const { rows, chunks } = await guessRows(await openInput(file, terminal), guessFormat(file));
  await chunks.return();
  return rows;
}
