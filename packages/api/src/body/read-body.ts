import { KilotuneError } from "@kilotune/contract";
import { inTime } from "./in-time.ts";

/**
 * The whole body, at most `maxBytes`. Compressed bodies are refused, since ten kilobytes of gzip may be ten gigabytes of
 * blanks; a body that dawdles is given up, since it holds a connection and its memory.
 *
 * @throws KilotuneError `unsupported_encoding`, `body_too_large`, `request_timeout`
 */
export async function readBody(request: Request, maxBytes: number, timeoutMs: number): Promise<Uint8Array> {
  refuseEncoding(request);
  refuseLength(request, maxBytes);
  // A length that was told is held to by the line; and without a stream to make, a small body costs a tenth.
  if (request.headers.has("content-length"))
    return new Uint8Array(await inTime(request.arrayBuffer(), timeoutMs, () => tooLate(timeoutMs)));
  if (request.body === null) return new Uint8Array();
  const parts: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const part of withDeadline(request.body, timeoutMs)) {
    sizeBytes += part.byteLength;
    if (sizeBytes > maxBytes) throw tooLarge(maxBytes);
    parts.push(part);
  }
  return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts);
}

export function refuseEncoding(request: Request): void {
  const encoding = request.headers.get("content-encoding")?.trim().toLowerCase() ?? "identity";
  if (encoding === "identity" || encoding === "") return;
  throw new KilotuneError(
    "unsupported_encoding",
    "The body must be sent uncompressed.",
    "Send it without content-encoding.",
  );
}

export function refuseLength(request: Request, maxBytes: number): void {
  // Where it lies, the count above notices; where it doesn't, nothing needs to be read.
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) throw tooLarge(maxBytes);
}

function tooLarge(maxBytes: number): KilotuneError {
  return new KilotuneError(
    "body_too_large",
    `The body of this call may have at most ${maxBytes} bytes.`,
    "Send less in one call; a data set in parts (POST /v1/uploads); an image as a file of purpose vision, by its file_id.",
  );
}

/** Chunks until the deadline of the whole. Leaving early, for whatever reason, cancels the stream. */
async function* withDeadline(
  body: ReadableStream<Uint8Array>,
  timeoutMs: number,
): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    reader.cancel().catch(() => {});
  }, timeoutMs);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (late) throw tooLate(timeoutMs);
      if (done) return;
      yield value;
    }
  } finally {
    clearTimeout(timer);
    reader.cancel().catch(() => {});
  }
}

function tooLate(timeoutMs: number): KilotuneError {
  return new KilotuneError(
    "request_timeout",
    `The body took more than ${timeoutMs / 1000} s to arrive.`,
    "Try again on a faster line.",
  );
}
