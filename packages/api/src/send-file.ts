import type { Context } from "hono";
import { streamOf } from "./body/stream-of.ts";
import type { Env } from "./env.ts";

/** Streams bytes; a client that hangs up releases them. */
export function sendFile(
  c: Context<Env>,
  { name, sizeBytes, chunks }: { name: string; sizeBytes: number; chunks: AsyncIterable<Uint8Array> },
): Response {
  const quoted = encodeURIComponent(name).replace(/['()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16)}`);
  return c.body(streamOf(chunks), 200, {
    "content-type": "application/octet-stream",
    "content-length": String(sizeBytes),
    // Never shown in place: a file that says it is HTML would run with this address's rights.
    "content-disposition": `attachment; filename*=UTF-8''${quoted}`,
  });
}
