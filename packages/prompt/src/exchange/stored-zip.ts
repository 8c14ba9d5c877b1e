import { type FileHandle, open } from "node:fs/promises";
import { type Entry, fromRandomAccessReaderPromise, RandomAccessReader, type ZipFile } from "yauzl";
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
    const reader = new CheckedReader(file, size);
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

/**
 * yauzl's own reader passes a position of 2^60 on to the file system, which throws where nobody can catch it. This one
 * checks first, and tells what yauzl throws within a callback to whoever waits.
 */
class CheckedReader extends RandomAccessReader {
  readonly #file: FileHandle;
  readonly #sizeBytes: number;
  readonly #failure = Promise.withResolvers<never>();

  constructor(file: FileHandle, sizeBytes: number) {
    super();
    this.#file = file;
    this.#sizeBytes = sizeBytes;
    // It may come when nobody waits any more.
    this.#failure.promise.catch(() => {});
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null) => void,
  ): void {
    const isInside = position >= 0 && position + length <= this.#sizeBytes;
    const reading = isInside
      ? this.#file.read(buffer, offset, length, position).then(
          ({ bytesRead }) => (bytesRead === length ? null : new Error("the file ends early")),
          (error: Error) => error,
        )
      : Promise.resolve(new Error(`a position of ${position} in a file of ${this.#sizeBytes} bytes`));
    void reading.then(callback).catch(this.#failure.reject);
  }

  /** Of a promise that yauzl gave. */
  async orFailure<Value>(promise: Promise<Value>): Promise<Value> {
    try {
      return await Promise.race([promise, this.#failure.promise]);
    } catch (cause) {
      const isOurs = cause instanceof Error && "hint" in cause;
      throw isOurs ? cause : damaged("a sound zip", cause instanceof Error ? cause.message : "damage", cause);
    }
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

export function damaged(expected: string, seen: string, cause?: unknown) {
  return refuse(
    "bad_torch_file",
    expected,
    printable(seen),
    "Save it again with a current torch, or as safetensors; files of torch before 1.6 aren't read.",
    cause,
  );
}
