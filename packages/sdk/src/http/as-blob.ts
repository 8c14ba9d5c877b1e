export type Source = Blob | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>;

/** A stream is gathered. */
export async function asBlob(source: Source): Promise<Blob> {
  if (source instanceof Blob) return source;
  if (source instanceof ReadableStream) return new Response(source).blob();
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for await (const part of source) parts.push(new Uint8Array(part));
  return new Blob(parts);
}
