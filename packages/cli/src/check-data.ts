import { stat } from "node:fs/promises";
import { KilotuneError } from "@kilotune/contract";
import { guessFormat, readTextRows, type TextTask } from "@kilotune/dataset";
import { openInput } from "./input-file.ts";
import { printable } from "./terminal/printable.ts";
import type { Terminal } from "./terminal/terminal.ts";

/**
 * Refuses a file of labelled rows that can't be one, by its first row: in milliseconds, before a backbone is fetched
 * and opened. The job itself lints the whole file.
 *
 * @throws KilotuneError the linter's code for the first row, or as openInput does
 */
export async function assertStartsAsData(
  file: string,
  terminal: Terminal,
  rows: { readonly task: TextTask; readonly pairs: boolean } = { task: "classification", pairs: false },
): Promise<void> {
  const chunks = await openInput(file, terminal);
  // What is read from a pipe is gone: the job alone reads it.
  if (!(await stat(file)).isFile()) return;
  for await (const reading of readTextRows(chunks, { format: guessFormat(file), ...rows })) {
    if (reading.kind === "row") return;
    if (reading.kind === "warning") continue;
    const { code, line, message, hint } = reading.issue;
    const place = line > 0 ? `line ${line}: ` : "";
    throw new KilotuneError(
      code,
      `${printable(file, 500)}: ${place}${message}`,
      `${hint} \`kilotune lint\` lists every bad line.`,
    );
  }
}
