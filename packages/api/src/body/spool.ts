import type { FileHandle } from "node:fs/promises";
import { openNameless, orDiskFull } from "@kilotune/service";

/** Bytes set aside: few of them in memory, many in a file without a name. */
export interface Spooled extends AsyncDisposable {
  readonly sizeBytes: number;
  /** From the start, at each call. */
  chunks(): AsyncGenerator<Uint8Array>;
}

/**
 * Reads bytes to their end before anybody judges them. The file has no name: whatever ends this process, the
 * system takes the bytes back, and no copy of a tenant's texts is left in a folder that nobody sweeps.
 *
 * @throws what `chunks` throws; KilotuneError `disk_full`
 */
export async function spool(
  chunks: AsyncIterable<Uint8Array>,
  folder: string,
  memoryBytes = 4 * 2 ** 20,
): Promise<Spooled> {
  let parts: Uint8Array[] = [];
  let sizeBytes = 0;
  let file: FileHandle | undefined;
  try {
    for await (const chunk of chunks) {
      parts.push(chunk);
      sizeBytes += chunk.byteLength;
      if (sizeBytes <= memoryBytes) continue;
      file ??= await openNameless(folder);
      // Not `writev`, which leaves off where the disk is full, and says so nowhere but in a count.
      for (const part of parts) await file.appendFile(part);
      parts = [];
    }
  } catch (error) {
    await file?.close();
    throw orDiskFull(error);
  }
  const inFile = file;
  return {
    sizeBytes,
    chunks: () => (inFile === undefined ? inMemory(parts) : readAll(inFile, sizeBytes)),
    [Symbol.asyncDispose]: async () => inFile?.close(),
  };
}

async function* inMemory(parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts;
}

async function* readAll(file: FileHandle, sizeBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < sizeBytes; ) {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(256 * 1024), 0, 256 * 1024, at);
    if (bytesRead === 0) throw new Error("a spooled file is shorter than what was written to it");
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
