import { ReadableStream as NodeStream } from "node:stream/web";

/** Chunks as a body. A client that hangs up ends the iteration, so that what is behind it is released. */
export function streamOf(chunks: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array<ArrayBuffer>> {
  return NodeStream.from(chunks) as ReadableStream<Uint8Array<ArrayBuffer>>;
}
