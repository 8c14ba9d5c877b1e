import { type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import { sha256OfFile } from "./checksum.ts";
import { isDiskError, reasonOf, SourceFailure } from "./failure.ts";
import { withPart } from "./part-file.ts";

export interface FetchOptions {
  readonly fetch: typeof globalThis.fetch;
  readonly signal: AbortSignal;
  /** Gives up on a connection that brings no byte for so long. */
  readonly stallMs: number;
  readonly onBytes: (receivedBytes: number) => void;
}

interface Expected {
  readonly sizeBytes: number;
  readonly sha256: string;
}

/**
 * Downloads `url` to `target`, going on where an interrupted download stopped. The file takes its name only when its
 * SHA-256 is right; a resumed file with a wrong one is fetched once more from zero, since the old part may be at fault.
 * @throws SourceFailure where this source cannot give the file; the part stays for the next run
 */
export async function fetchFile(
  url: string,
  target: string,
  expected: Expected,
  options: FetchOptions,
): Promise<void> {
  await withPart(target, async (part) => {
    const resumed = await receive(url, part, expected, options);
    let sha256 = await sha256OfFile(part);
    if (sha256 !== expected.sha256 && resumed) {
      await rm(part);
      await receive(url, part, expected, options);
      sha256 = await sha256OfFile(part);
    }
    if (sha256 !== expected.sha256) {
      await rm(part);
      throw new SourceFailure(`${url} gave other bytes: expected SHA-256 ${expected.sha256}, saw ${sha256}`);
    }
    await rename(part, target);
  });
}

/** Fills `part` to its full size, over as many connections as it takes. Returns whether it held bytes before. */
async function receive(
  url: string,
  part: string,
  expected: Expected,
  options: FetchOptions,
): Promise<boolean> {
  const before = await sizeOf(part);
  if (before > expected.sizeBytes) await rm(part);
  const resumed = before > 0 && before <= expected.sizeBytes;
  for (let received = resumed ? before : 0, attempt = 1; received < expected.sizeBytes; attempt++) {
    try {
      await receiveOnce(url, part, received, expected.sizeBytes, options);
    } catch (error) {
      options.signal.throwIfAborted();
      // A connection that was cut is taken up again as long as each brings something.
      const progressed = (await sizeOf(part)) > received;
      if (!(error instanceof Interrupted) || !progressed || attempt >= MAX_CONNECTIONS) throw error;
    }
    received = await sizeOf(part);
  }
  return resumed;
}

const MAX_CONNECTIONS = 20;

/** The connection failed, not the request: it may be worth another one. */
class Interrupted extends SourceFailure {}

async function receiveOnce(
  url: string,
  part: string,
  from: number,
  total: number,
  options: FetchOptions,
): Promise<void> {
  const stalled = new AbortController();
  const signal = AbortSignal.any([options.signal, stalled.signal]);
  const giveUp = () => stalled.abort(new Error(`no byte for ${options.stallMs / 1000} s`));
  const timer = setTimeout(giveUp, options.stallMs);
  try {
    // Compressed bytes could neither be counted nor resumed.
    const headers = { "accept-encoding": "identity", ...(from > 0 && { range: `bytes=${from}-` }) };
    const response = await options.fetch(url, { headers, signal });
    const start = startOf(response, from, total);
    if (response.body === null) throw new Interrupted("the answer has no body");
    await using file = await open(part, start === 0 ? "w" : "r+");
    let position = start;
    for await (const chunk of response.body) {
      timer.refresh();
      if (position + chunk.byteLength > total) throw new SourceFailure(`more than ${total} bytes`);
      await writeAll(file, chunk, position);
      position += chunk.byteLength;
      options.onBytes(position);
    }
    if (position < total) throw new Interrupted(`the connection ended after ${position} of ${total} bytes`);
  } catch (error) {
    options.signal.throwIfAborted();
    if (error instanceof Interrupted) throw new Interrupted(`${url}: ${error.message}`);
    if (error instanceof SourceFailure) throw new SourceFailure(`${url}: ${error.message}`);
    if (isDiskError(error)) throw error;
    throw new Interrupted(`${url}: ${reasonOf(stalled.signal.aborted ? stalled.signal.reason : error)}`, {
      cause: error,
    });
  } finally {
    clearTimeout(timer);
  }
}

/** Byte at which the answer begins. A server that knows no ranges sends all from zero. */
function startOf(response: Response, from: number, total: number): number {
  const announced = Number(response.headers.get("content-length") ?? Number.NaN);
  if (response.status === 206) {
    const [, start, size] =
      /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get("content-range") ?? "") ?? [];
    if (Number(start) !== from)
      throw new SourceFailure(`asked for bytes from ${from}, was sent ${start ?? "no range"}`);
    if (size !== "*" && Number(size) !== total)
      throw new SourceFailure(`expected ${total} bytes, the server has ${size}`);
    return from;
  }
  if (response.status !== 200)
    throw new SourceFailure(`HTTP ${response.status} ${response.statusText}`.trim());
  // A sign-in page of a hotel's network says 200, too.
  if (announced >= 0 && announced !== total)
    throw new SourceFailure(`expected ${total} bytes, the server has ${announced}`);
  return 0;
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength; ) {
    done += (await file.write(bytes, done, bytes.byteLength - done, position + done)).bytesWritten;
  }
}

async function sizeOf(file: string): Promise<number> {
  return (await stat(file).catch(() => undefined))?.size ?? 0;
}
