import { open } from "node:fs/promises";
import { CheckedReader } from "@kilotune/zip";
import { type Entry, fromRandomAccessReaderPromise, type ZipFile } from "yauzl";
import { printable, quote, refuse } from "./refuse.ts";
import { readAt } from "./safetensors-file.ts";

/** A zip whose members lie in it as they are: torch compresses nothing, so what is compressed may be a bomb and is refused. */
export interface StoredZip extends AsyncDisposable {
  readonly names: readonly string[];
  has(name: string): boolean;
  sizeOf(name: string): number;
  /** @throws KilotuneError `bad_torch_file` */
  read(name: string, maxBytes: number): Promise<Uint8Array>;
}

/** @throws KilotuneError `bad_torch_file`; the file system's errors */
export async function openStoredZip(path: string): Promise<StoredZip> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const reader = new CheckedReader(file, size, told);
    const zip = await reader.orFailure(fromRandomAccessReaderPromise(reader, size, { autoClose: false }));
    const entries = await reader.orFailure(entriesOf(zip));
    return {
      names: [...entries.keys()],
      has: (name) => entries.has(name),
      sizeOf: (name) => entries.get(name)!.uncompressedSize,
      async read(name, maxBytes) {
        const entry = entries.get(name)!;
        const { compressionMethod, compressedSize, uncompressedSize } = entry;
        const isStored =
          compressionMethod === 0 && compressedSize === uncompressedSize && !entry.isEncrypted();
        if (!isStored) throw damaged(`${quote(name)} stored as it is, as torch does`, "it compressed");
        if (uncompressedSize > maxBytes)
          throw damaged(`${quote(name)} of at most ${maxBytes} bytes`, `${uncompressedSize}`);
        const header = zip.readLocalFileHeaderPromise(entry, { minimal: true });
        const { fileDataStart } = await reader.orFailure(header);
        // Before so much memory is asked for.
        const isInside = fileDataStart + uncompressedSize <= size;
        const bytes = isInside ? await readAt(file, fileDataStart, uncompressedSize) : undefined;
        if (bytes?.length !== uncompressedSize) throw damaged(`${quote(name)} whole`, "it cut off");
        return bytes;
      },
      [Symbol.asyncDispose]: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** A checkpoint of a thousand tensors has as many. */
const MAX_ENTRIES = 20_000;

async function entriesOf(zip: ZipFile): Promise<Map<string, Entry>> {
  if (zip.entryCount > MAX_ENTRIES) throw damaged(`at most ${MAX_ENTRIES} entries`, `${zip.entryCount}`);
  const entries = new Map<string, Entry>();
  for await (const entry of zip.eachEntry()) {
    if (entries.has(entry.fileName)) throw damaged("every name once", `${quote(entry.fileName)} twice`);
    entries.set(entry.fileName, entry);
  }
  return entries;
}

function told(cause: unknown): unknown {
  const isOurs = cause instanceof Error && "hint" in cause;
  return isOurs ? cause : damaged("a sound zip", cause instanceof Error ? cause.message : "damage", cause);
}

export function damaged(expected: string, seen: string, cause?: unknown) {
  return refuse(
    "bad_torch_file",
    expected,
    printable(seen),
    "Save it again with a current torch, or as safetensors; files of torch before 1.6 aren't read.",
    cause,
  );
}
