/** A file of an archive; `path` is at most 100 ASCII characters. */
export interface TarEntry {
  readonly path: string;
  readonly sizeBytes: number;
  readonly chunks: AsyncIterable<Uint8Array>;
}

/**
 * An archive as POSIX's ustar (IEEE Std 1003.1, pax, "ustar Interchange Format"), an entry at a time: nothing but a
 * chunk is held in memory. `modified` in Unix seconds.
 */
export async function* tar(entries: AsyncIterable<TarEntry>, modified: number): AsyncGenerator<Uint8Array> {
  for await (const { path, sizeBytes, chunks } of entries) {
    yield header(path, sizeBytes, modified);
    let written = 0;
    for await (const chunk of chunks) {
      written += chunk.length;
      yield chunk;
    }
    // The head is out already. Padding would make a file that lies; breaking off is noticed.
    if (written !== sizeBytes) throw new Error(`an entry of ${sizeBytes} bytes came to ${written}`);
    yield new Uint8Array((BLOCK - (sizeBytes % BLOCK)) % BLOCK);
  }
  yield new Uint8Array(2 * BLOCK);
}

function header(path: string, sizeBytes: number, modified: number): Uint8Array {
  if (!/^[!-~]{1,100}$/.test(path)) throw new Error("a path that ustar's first field doesn't hold");
  const block = new Uint8Array(BLOCK);
  const put = (at: number, text: string) => block.set(new TextEncoder().encode(text), at);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, "0")}\0`;
  put(0, path);
  put(100, octal(0o600, 7));
  put(108, octal(0, 7));
  put(116, octal(0, 7));
  put(124, octal(sizeBytes, 11));
  put(136, octal(modified, 11));
  // The checksum is of the block with blanks in its own place.
  put(148, "        ");
  put(156, "0");
  put(257, "ustar\u000000");
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(148, `${octal(sum, 6)} `);
  return block;
}

const BLOCK = 512;
