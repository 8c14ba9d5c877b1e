import type { BatchObject, Kilotune } from "@kilotune/sdk";
import type { ExitCode } from "../exit.ts";
import { bar } from "../terminal/bar.ts";
import { oneLine } from "../terminal/printable.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { percent } from "../terminal/units.ts";
import { fields } from "./words.ts";

/**
 * Shows how a batch gets on, and at its end the batch. Ctrl-C ends the watching alone.
 *
 * @returns 0 where it was completed, else 1
 */
export async function watchBatch(service: Kilotune, id: string, terminal: Terminal): Promise<ExitCode> {
  const signal = terminal.io.takeInterrupt();
  const told = () => terminal.say(`The batch goes on; to see it: kilotune batches watch ${oneLine(id, 80)}`);
  signal.addEventListener("abort", told, { once: true });
  let last: BatchObject | undefined;
  for await (const batch of service.batches.watch(id, { signal })) {
    // The last one is the result.
    if (terminal.json && last !== undefined) terminal.result(last, () => "");
    if (batch.status !== last?.status) terminal.say(capitalised(batch.status));
    last = batch;
    const { total, completed, failed } = batch.request_counts;
    if (total === 0) continue;
    const share = (completed + failed) / total;
    terminal.progress(`${bar(share, 24)}  ${percent(share)}  ${counts(batch)}`);
  }
  signal.removeEventListener("abort", told);
  return batchResult(last as BatchObject, terminal);
}

/** A batch as a result, failed ones too: they are what was asked for. */
export function batchResult(batch: BatchObject, terminal: Terminal): ExitCode {
  terminal.result(batch, () => batchWords(batch));
  return ["failed", "expired", "cancelled"].includes(batch.status) ? 1 : 0;
}

function batchWords(batch: BatchObject): string {
  const faults = batch.errors?.data.map(({ line, message }) =>
    line === null ? message : `line ${line}: ${message}`,
  );
  const lines = batch.status === "validating" ? null : counts(batch);
  return fields({ ...batch, request_counts: lines, errors: faults?.join("; ") });
}

function counts({
  request_counts: { total, completed, failed },
}: Pick<BatchObject, "request_counts">): string {
  return `${completed} of ${total} answered${failed > 0 ? `, ${failed} failed` : ""}`;
}

/** "in_progress" -> "In progress". */
function capitalised(status: string): string {
  const words = oneLine(status, 40).replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
