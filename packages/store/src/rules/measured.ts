import { createHash } from "node:crypto";

/** Bytes on their way, counted and hashed; `size` and `sha256` are theirs once the last has passed. */
export function measured(bytes: Uint8Array | AsyncIterable<Uint8Array>) {
  const hash = createHash("sha256");
  let size = 0;
  async function* pass(): AsyncGenerator<Uint8Array> {
    for await (const chunk of bytes instanceof Uint8Array ? [bytes] : bytes) {
      if (chunk.length === 0) continue; // Node's streams take an empty chunk badly.
      hash.update(chunk);
      size += chunk.length;
      yield chunk;
    }
  }
  return { chunks: pass(), result: () => ({ size, sha256: hash.digest("hex") }) };
}
