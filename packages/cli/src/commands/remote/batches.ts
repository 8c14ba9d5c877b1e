import { stat } from "node:fs/promises";
import { KilotuneError } from "@kilotune/contract";
import type { BatchObject } from "@kilotune/sdk";
import { defineCommand } from "../../command.ts";
import { prepareOutput, writeWhole } from "../../output-file.ts";
import { openService } from "../../remote/open-service.ts";
import { pairsOf } from "../../remote/pairs.ts";
import { LIMIT, take } from "../../remote/take.ts";
import { batchResult, watchBatch } from "../../remote/watch-batch.ts";
import { moment, rowsOr } from "../../remote/words.ts";
import { printable } from "../../terminal/printable.ts";
import { bytes } from "../../terminal/units.ts";

const ID = { value: "ID", count: "one", about: "The batch's id, batch-.." } as const;
const EXAMPLE = "batch-01kb0example000000000000000";

export const batchesCreate = defineCommand({
  summary: "Have a file of requests answered on the server, within a day",
  details:
    'A line of the file: {"custom_id":"1","method":"POST","url":"/v1/classify","body":{"model":"support","input":"late"}}',
  positionals: {
    file: { value: "FILE-ID", count: "one", about: "As files upload --purpose batch names it" },
  },
  flags: {
    endpoint: {
      kind: "choice",
      of: ["/v1/classify", "/v1/estimate", "/v1/tag", "/v1/embeddings", "/v1/segment", "/v1/detect"],
      about: "What all of its lines ask for",
      default: "/v1/classify",
    },
    metadata: { kind: "texts", value: "KEY=VALUE", about: "Pairs of your own" },
    "expires-days": {
      kind: "integer",
      value: "N",
      min: 1,
      max: 30,
      about: "Its files are deleted after so many days; kept else",
    },
    watch: { kind: "switch", about: "Follow it to its end, with a bar" },
  },
  examples: [
    { line: "kilotune batches create file-01kb0example000000000000000 --watch", purpose: "followed" },
    {
      line: "kilotune batches create file-01kb0example000000000000000 --endpoint /v1/embeddings --json",
      purpose: "vectors, for a program",
    },
  ],
  async run({ file, endpoint, metadata, expiresDays, watch }, terminal) {
    const pairs = pairsOf("batches create", metadata);
    const service = await openService(terminal);
    const batch = await service.batches.create({
      input_file_id: file,
      endpoint,
      completion_window: "24h",
      ...(Object.keys(pairs).length > 0 && { metadata: pairs }),
      ...(expiresDays !== undefined && {
        output_expires_after: { anchor: "created_at", seconds: expiresDays * 86_400 },
      }),
    });
    if (!watch) return batchResult(batch, terminal);
    terminal.say(batch.id);
    return watchBatch(service, batch.id, terminal);
  },
});

export const batchesList = defineCommand({
  summary: "The batches on the server, the newest first",
  positionals: {},
  flags: { limit: LIMIT },
  examples: [{ line: "kilotune batches list --limit 5", purpose: "the last five" }],
  async run({ limit }, terminal) {
    const service = await openService(terminal);
    const batches = await take(service.batches.list({ limit: Math.min(limit, 100) }), limit);
    terminal.result({ batches }, () =>
      rowsOr(
        "No batches.",
        batches.map(({ id, created_at, status, endpoint, request_counts: { total, completed, failed } }) => [
          id,
          moment(created_at),
          status,
          endpoint,
          `${completed} of ${total}`,
          failed > 0 ? `${failed} failed` : "",
        ]),
      ),
    );
    return 0;
  },
});

export const batchesGet = defineCommand({
  summary: "How a batch stands",
  details: "Exit code 1 where it failed, expired or was cancelled.",
  positionals: { id: ID },
  flags: {},
  examples: [{ line: `kilotune batches get ${EXAMPLE} --json`, purpose: "the ids of its files" }],
  async run({ id }, terminal) {
    return batchResult(await (await openService(terminal)).batches.get(id), terminal);
  },
});

export const batchesWatch = defineCommand({
  summary: "Follow a batch to its end, with a bar",
  details: "Exit code 1 where it failed, expired or was cancelled. Ctrl-C ends the watching, not the batch.",
  positionals: { id: ID },
  flags: {},
  examples: [{ line: `kilotune batches watch ${EXAMPLE}`, purpose: "until it has ended" }],
  async run({ id }, terminal) {
    return watchBatch(await openService(terminal), id, terminal);
  },
});

export const batchesCancel = defineCommand({
  summary: "End a batch; what is answered stays, and is a file once it has ended",
  positionals: { id: ID },
  flags: {},
  examples: [{ line: `kilotune batches cancel ${EXAMPLE}`, purpose: "shows the batch as it is then" }],
  async run({ id }, terminal) {
    batchResult(await (await openService(terminal)).batches.cancel(id), terminal);
    return 0;
  },
});

export const batchesDownload = defineCommand({
  summary: "Write the answers of a batch that has ended, a line of JSON each",
  positionals: { id: ID, out: { value: "OUT", count: "one", about: "Where to write them" } },
  flags: { errors: { kind: "switch", about: "The lines that failed instead, each with its error" } },
  examples: [
    { line: `kilotune batches download ${EXAMPLE} answers.jsonl`, purpose: "whole or not at all" },
    { line: `kilotune batches download ${EXAMPLE} failed.jsonl --errors`, purpose: "what went wrong" },
  ],
  async run({ id, out, errors }, terminal) {
    const service = await openService(terminal);
    const batch = await service.batches.get(id);
    const file = fileOf(batch, errors);
    await prepareOutput(out);
    const { body } = await service.files.content(file, { signal: terminal.io.takeInterrupt() });
    await writeWhole(out, body ?? "");
    const { size } = await stat(out);
    const { failed } = batch.request_counts;
    if (failed > 0 && !errors) terminal.say(`Lines that failed: ${failed}; see --errors.`);
    terminal.result({ id, file, path: out, bytes: size }, () => `${printable(out, 500)}: ${bytes(size)}`);
    return 0;
  },
});

/** @throws KilotuneError `batch_not_ended`, `no_such_output` */
function fileOf({ id, status, ...batch }: BatchObject, errors: boolean): string {
  const file = errors ? batch.error_file_id : batch.output_file_id;
  if (typeof file === "string") return file;
  if (["validating", "in_progress", "finalizing", "cancelling"].includes(status))
    throw new KilotuneError(
      "batch_not_ended",
      `Expected a batch that has ended, saw one that is ${status}.`,
      `kilotune batches watch ${printable(id, 80)} waits for it.`,
    );
  throw new KilotuneError(
    "no_such_output",
    errors ? "No line of this batch has failed." : "No line of this batch was answered.",
    errors ? "Leave out --errors for the answers." : "Try --errors, or kilotune batches get.",
  );
}
