import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Busboy, type BusboyFileStream } from "@fastify/busboy";
import { isCodedError, KilotuneError } from "@kilotune/contract";
import { inTime } from "./in-time.ts";
import { refuseEncoding, refuseLength } from "./read-body.ts";
import { type Spooled, spool } from "./spool.ts";

/** A multipart form with one file in it. */
export interface Form extends AsyncDisposable {
  readonly fields: ReadonlyMap<string, string>;
  /** As sent: for the schema to judge. */
  readonly filename: string;
  readonly file: Spooled;
}

export interface FormLimits {
  readonly maxFileBytes: number;
  readonly stallMs: number;
  /** Where big files wait for the end of the form. */
  readonly folder: string;
}

/**
 * Reads a form to its end. Its fields may come after the file, as openai-node sends them, and what the file is for is
 * one of them: so the file waits aside, in memory where it is small.
 *
 * @throws KilotuneError `invalid_multipart`, `file_too_large`, `request_timeout`, `disk_full`, those of readBody;
 *   `invalid_request` where the file is missing
 */
export async function readForm(request: Request, fileField: string, limits: FormLimits): Promise<Form> {
  refuseEncoding(request);
  refuseLength(request, limits.maxFileBytes + 64 * 1024);
  const parser = parserFor(request, limits);
  const fields = new Map<string, string>();
  let found: { filename: string; stream: BusboyFileStream; file: Promise<Spooled> } | undefined;

  parser.on("field", (name, value, nameCut, valueCut) => {
    if (nameCut || valueCut) parser.destroy(invalid("A field is too long."));
    if (fields.has(name)) parser.destroy(invalid("A field is given twice."));
    fields.set(name, value);
  });
  parser.on("file", (field, stream, filename) => {
    stream.once("limit", () => parser.destroy(tooLarge(limits.maxFileBytes)));
    if (field !== fileField) parser.destroy(noFile(fileField));
    const file = spool(whole(stream, limits.maxFileBytes), limits.folder);
    file.catch((error) => parser.destroy(error));
    found = { filename: filename ?? "", stream, file };
  });
  for (const limit of ["filesLimit", "fieldsLimit", "partsLimit"]) {
    parser.on(limit, () => parser.destroy(invalid("Expected one file and a few fields; seen more.")));
  }

  try {
    await pipeline(Readable.from(steady(request.body, limits.stallMs)), parser);
  } catch (error) {
    // The parser's end isn't its file's: unless told, whoever reads the file waits for more of it.
    found?.stream.destroy(error as Error);
    await found?.file.then(
      (file) => file[Symbol.asyncDispose](),
      () => {},
    );
    throw isCodedError(error) ? error : invalid("The form is cut off or isn't multipart.", error);
  }
  if (found === undefined) throw noFile(fileField);
  const file = await found.file;
  return { fields, filename: found.filename, file, [Symbol.asyncDispose]: () => file[Symbol.asyncDispose]() };
}

function parserFor(request: Request, { maxFileBytes }: FormLimits) {
  const type = request.headers.get("content-type") ?? "";
  if (!/^multipart\/form-data\s*;/i.test(type)) {
    throw new KilotuneError(
      "unsupported_media_type",
      "Expected a multipart form.",
      "Send it with `content-type: multipart/form-data`.",
    );
  }
  try {
    return new Busboy({
      headers: { "content-type": type },
      // A path is refused by name rather than cut to its last part, which would hide what the client does.
      preservePath: true,
      limits: {
        files: 1,
        fields: 16,
        parts: 17,
        fieldSize: 4096,
        headerPairs: 20,
        headerSize: 16 * 1024,
        fileSize: maxFileBytes,
      },
    });
  } catch (error) {
    throw invalid("The form's boundary is missing.", error);
  }
}

/** The parser cuts a file that is too long and goes on; half a file must not pass for one. */
async function* whole(stream: BusboyFileStream, maxFileBytes: number): AsyncGenerator<Uint8Array> {
  yield* stream as AsyncIterable<Uint8Array>;
  if (stream.truncated) throw tooLarge(maxFileBytes);
}

/** The body's chunks, while they come: a line that is silent for too long is given up. */
async function* steady(body: ReadableStream<Uint8Array> | null, stallMs: number): AsyncGenerator<Uint8Array> {
  if (body === null) return;
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await inTime(reader.read(), stallMs, () => stalled(stallMs));
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function stalled(ms: number): KilotuneError {
  return new KilotuneError(
    "request_timeout",
    `No byte of the upload came for ${ms / 1000} s.`,
    "Send it again, on a better line.",
  );
}

function tooLarge(maxFileBytes: number): KilotuneError {
  return new KilotuneError(
    "file_too_large",
    `A file in one call may have at most ${maxFileBytes} bytes.`,
    "Send a data set in parts (POST /v1/uploads), or keep the rows that decide.",
  );
}

function noFile(param: string): KilotuneError {
  const message = `Expected one file, in the form's field \`${param}\`.`;
  return new KilotuneError("invalid_request", message, `With curl: -F ${param}=@train.jsonl`, { param });
}

function invalid(message: string, cause?: unknown): KilotuneError {
  return new KilotuneError("invalid_multipart", message, "Let a client library make the form.", { cause });
}
