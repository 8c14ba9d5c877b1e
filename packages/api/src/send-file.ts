import type { Context } from "hono";
import { streamOf } from "./body/stream-of.ts";
import type { Env } from "./env.ts";

/** Streams bytes; a client that hangs up releases them. */
export function sendFile(
  c: Context<Env>,
  file: {
    readonly name: string;
    readonly chunks: AsyncIterable<Uint8Array>;
    /** Where it is known before the end. */
    readonly sizeBytes?: number;
    readonly type?: string;
  },
): Response {
  const { name, chunks, sizeBytes, type = "application/octet-stream" } = file;
  const quoted = encodeURIComponent(name).replace(/['()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16)}`);
  return c.body(streamOf(chunks), 200, {
    "content-type": type,
    ...(sizeBytes === undefined ? {} : { "content-length": String(sizeBytes) }),
    // Never shown in place: a file that says it is HTML would run with this address's rights.
    "content-disposition": `attachment; filename*=UTF-8''${quoted}`,
  });
}
