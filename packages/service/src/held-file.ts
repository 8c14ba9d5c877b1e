import { randomUUID } from "node:crypto";
import { type FileHandle, open, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { KilotuneError } from "@kilotune/contract";

/**
 * Bytes that must be read out of order, in a file without a name.
 *
 * @throws what `chunks` throws; KilotuneError `disk_full`
 */
export async function heldFile(
  chunks: AsyncIterable<Uint8Array>,
  folder = tmpdir(),
): Promise<AsyncDisposable & { readonly file: FileHandle; readonly sizeBytes: number }> {
  const file = await openNameless(folder);
  try {
    let sizeBytes = 0;
    for await (const chunk of chunks) {
      await file.appendFile(chunk);
      sizeBytes += chunk.length;
    }
    return { file, sizeBytes, [Symbol.asyncDispose]: () => file.close() };
  } catch (error) {
    await file.close();
    throw orDiskFull(error);
  }
}

/** A file that loses its name as soon as it is open: whatever ends this process, the system takes its bytes back. */
export async function openNameless(folder: string): Promise<FileHandle> {
  const name = path.join(folder, `kilotune-${randomUUID()}`);
  const file = await open(name, "wx+", 0o600);
  await unlink(name);
  return file;
}

/** The error itself, or, where a disk is full, `disk_full`. */
export function orDiskFull(error: unknown): unknown {
  const isFull =
    error instanceof Error && "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT");
  if (!isFull) return error;
  return new KilotuneError("disk_full", "The server's disk is full.", "Tell whoever runs it.", {
    kind: "machine",
    cause: error,
  });
}
