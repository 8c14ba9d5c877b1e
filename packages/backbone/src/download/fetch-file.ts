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
  let received = resumed ? before : 0;
  let fruitless = 0;
  while (received < expected.sizeBytes) {
    try {
      await receiveOnce(url, part, received, expected.sizeBytes, options);
    } catch (error) {
      options.signal.throwIfAborted();
      fruitless = (await sizeOf(part)) > received ? 0 : fruitless + 1;
      if (!(error instanceof Interrupted) || fruitless > error.patience) throw error;
    }
    received = await sizeOf(part);
  }
  return resumed;
}

/** The connection failed, not the request: another may go on, also after `patience` that brought nothing. */
class Interrupted extends SourceFailure {
  readonly patience: number;

  constructor(message: string, patience: number, options?: ErrorOptions) {
    super(message, options);
    this.patience = patience;
  }
}

async function receiveOnce(
  url: string,
  part: string,
  from: number,
  total: number,
  options: FetchOptions,
): Promise<void> {
  const connection = new AbortController();
  const signal = AbortSignal.any([options.signal, connection.signal]);
  const stalled = new Interrupted(`${url}: no byte for ${options.stallMs / 1000} s`, 0);
  const timer = setTimeout(() => connection.abort(stalled), options.stallMs);
  // Without network it must be the next source's turn at once; a server that has answered deserves another try.
  let patience = 0;
  try {
    // Compressed bytes could neither be counted nor resumed.
    const headers = { "accept-encoding": "identity", ...(from > 0 && { range: `bytes=${from}-` }) };
    const response = await options.fetch(url, { headers, signal });
    patience = 2;
    let position = startOf(url, response, from, total);
    await using file = await open(part, position === 0 ? "w" : "r+");
    for await (const chunk of response.body ?? []) {
      timer.refresh();
      if (position + chunk.byteLength > total) throw new SourceFailure(`${url}: more than ${total} bytes`);
      await writeAll(file, chunk, position);
      position += chunk.byteLength;
      options.onBytes(position);
    }
    if (position < total)
      throw new Interrupted(`${url}: the connection ended after ${position} of ${total} bytes`, patience);
  } catch (error) {
    options.signal.throwIfAborted();
    if (error instanceof SourceFailure || isDiskError(error)) throw error;
    throw new Interrupted(`${url}: ${reasonOf(error)}`, patience, { cause: error });
  } finally {
    clearTimeout(timer);
    connection.abort();
  }
}

/** Byte at which the answer begins. A server that knows no ranges sends all from zero. */
function startOf(url: string, response: Response, from: number, total: number): number {
  const refuse = (reason: string) => new SourceFailure(`${url}: ${reason}`);
  if (response.status === 206) {
    const range = response.headers.get("content-range") ?? "no range";
    const [, start, size] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(range) ?? [];
    if (Number(start) !== from) throw refuse(`asked for bytes from ${from} on, was sent ${range}`);
    if (size !== "*" && Number(size) !== total)
      throw refuse(`expected ${total} bytes, the server has ${size}`);
    return from;
  }
  if (response.status !== 200) throw refuse(`HTTP ${response.status} ${response.statusText}`);
  // A sign-in page of a hotel's network says 200, too.
  const length = response.headers.get("content-length");
  if (length !== null && Number(length) !== total)
    throw refuse(`expected ${total} bytes, the server has ${length}`);
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
