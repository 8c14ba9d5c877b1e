import { RandomAccessReader } from "yauzl";

/** What a zip is read from, in place: Node's FileHandle is one. */
export interface ZipFile {
  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesRead: number }>;
}

/**
 * yauzl's own reader passes a position of 2^60 on to the file system, which throws where nobody can catch it. This one
 * checks first, and tells what yauzl throws within a callback to whoever waits.
 */
export class CheckedReader extends RandomAccessReader {
  readonly #file: ZipFile;
  readonly #sizeBytes: number;
  readonly #told: (cause: unknown) => unknown;
  readonly #failure = Promise.withResolvers<never>();

  /** @param told what `orFailure` throws for what went wrong */
  constructor(file: ZipFile, sizeBytes: number, told: (cause: unknown) => unknown) {
    super();
    this.#file = file;
    this.#sizeBytes = sizeBytes;
    this.#told = told;
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
      throw this.#told(cause);
    }
  }
}
