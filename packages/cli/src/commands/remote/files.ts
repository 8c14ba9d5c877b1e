import { openAsBlob } from "node:fs";
import { stat } from "node:fs/promises";
import path from "node:path";
import type { Source } from "@kilotune/sdk";
import { defineCommand } from "../../command.ts";
import { openInput } from "../../input-file.ts";
import { prepareOutput, writeWhole } from "../../output-file.ts";
import { countedFetch } from "../../remote/counted-fetch.ts";
import { openService } from "../../remote/open-service.ts";
import { sendingLine } from "../../remote/sending.ts";
import { LIMIT, take } from "../../remote/take.ts";
import { fields, moment, rowsOr } from "../../remote/words.ts";
import { printable } from "../../terminal/printable.ts";
import type { Terminal } from "../../terminal/terminal.ts";
import { bytes } from "../../terminal/units.ts";

const ID = { value: "ID", count: "one", about: "The file's id, file-.." } as const;

export const filesUpload = defineCommand({
  summary: "Send a data set to the server, which checks it line by line",
  details: "A file with bad lines is refused whole, with all of them (exit code 1).",
  positionals: {
    file: {
      value: "FILE",
      count: "one",
      about: 'JSONL or CSV as for lint, a zip of JSONL and images, an image; "-" is stdin',
    },
  },
  flags: {
    purpose: {
      kind: "choice",
      of: ["fine-tune", "batch", "vision", "user_data"],
      about: "What it is for",
      default: "fine-tune",
    },
    name: { kind: "text", value: "NAME", about: "What it is called there; else as here" },
    "expires-days": {
      kind: "integer",
      value: "N",
      min: 1,
      max: 30,
      about: "Deleted by itself after so many days; kept else",
    },
  },
  examples: [
    { line: "kilotune files upload examples/support-desk/train.jsonl", purpose: "for jobs create" },
    { line: "zcat rows.csv.gz | kilotune files upload - --name rows.csv --json", purpose: "from a pipe" },
  ],
  async run({ file, purpose, name, expiresDays }, terminal) {
    const filename = name ?? (file === "-" ? undefined : path.basename(file));
    const service = await openService(terminal, {
      fetch: countedFetch(sendingLine(filename ?? "stdin", terminal)),
    });
    const signal = terminal.io.takeInterrupt();
    const source = await sourceOf(file, terminal);
    const seconds = expiresDays === undefined ? undefined : expiresDays * 86_400;
    const made = await service.files.create(
      {
        file: source,
        purpose,
        ...(filename !== undefined && { filename }),
        ...(seconds !== undefined && { expires_after: { anchor: "created_at", seconds } }),
      },
      { signal },
    );
    terminal.result(made, () => fields(made));
    return 0;
  },
});

export const filesList = defineCommand({
  summary: "The files on the server, the newest first",
  positionals: {},
  flags: { limit: LIMIT },
  examples: [{ line: "kilotune files list --limit 5", purpose: "the last five" }],
  async run({ limit }, terminal) {
    const service = await openService(terminal);
    const files = await take(service.files.list({ limit: Math.min(limit, 100) }), limit);
    terminal.result({ files }, () =>
      rowsOr(
        "No files.",
        files.map((file) => [
          file.id,
          moment(file.created_at),
          bytes(file.bytes),
          file.purpose,
          file.filename,
        ]),
      ),
    );
    return 0;
  },
});

export const filesGet = defineCommand({
  summary: "What is known of a file",
  positionals: { id: ID },
  flags: {},
  examples: [{ line: "kilotune files get file-01kb0example000000000000000", purpose: "size, name, purpose" }],
  async run({ id }, terminal) {
    const file = await (await openService(terminal)).files.get(id);
    terminal.result(file, () => fields(file));
    return 0;
  },
});

export const filesDownload = defineCommand({
  summary: "Write a file's bytes as they were sent",
  positionals: { id: ID, out: { value: "OUT", count: "one", about: "Where to write it" } },
  flags: {},
  examples: [
    {
      line: "kilotune files download file-01kb0example000000000000000 rows.jsonl",
      purpose: "whole or not at all",
    },
  ],
  async run({ id, out }, terminal) {
    const service = await openService(terminal);
    await prepareOutput(out);
    const { body } = await service.files.content(id, { signal: terminal.io.takeInterrupt() });
    await writeWhole(out, body ?? "");
    const { size } = await stat(out);
    terminal.result({ id, path: out, bytes: size }, () => `${printable(out, 500)}: ${bytes(size)}`);
    return 0;
  },
});

export const filesDelete = defineCommand({
  summary: "Delete a file from the server",
  details: "Refused while a job reads it.",
  positionals: { id: ID },
  flags: {},
  examples: [{ line: "kilotune files delete file-01kb0example000000000000000", purpose: "for good" }],
  async run({ id }, terminal) {
    const deleted = await (await openService(terminal)).files.delete(id);
    terminal.result(deleted, () => `Deleted ${printable(id, 100)}`);
    return 0;
  },
});

/** A file is sent from where it lies; of a pipe the bytes are gathered first. */
async function sourceOf(file: string, terminal: Terminal): Promise<Source> {
  const chunks = await openInput(file, terminal);
  return file !== "-" && (await stat(file)).isFile()
    ? openAsBlob(file)
    : (chunks as AsyncIterable<Uint8Array>);
}
