import { KilotuneError } from "@kilotune/contract";
import { z } from "zod";

/**
 * A call as Function URLs and API Gateway's HTTP APIs hand it on (payload format 2.0), as a request.
 *
 * @throws KilotuneError `invalid_request`, `body_too_large`
 */
export function requestOf(event: unknown): Request {
  const { data } = HttpEvent.safeParse(event);
  if (data === undefined) throw notAnEvent();
  const { rawPath, rawQueryString, requestContext, cookies, isBase64Encoded, body } = data;
  if ((body?.length ?? 0) > MAX_BODY_LETTERS) throw tooLarge();
  const bytes = body === undefined ? undefined : Buffer.from(body, isBase64Encoded ? "base64" : "utf8");
  try {
    const headers = new Headers(data.headers);
    if (cookies !== undefined) headers.set("cookie", cookies.join("; "));
    if (bytes !== undefined) headers.set("content-length", String(bytes.length));
    const query = rawQueryString === "" ? "" : `?${rawQueryString}`;
    return new Request(`https://${requestContext.domainName}${rawPath}${query}`, {
      method: requestContext.http.method,
      headers,
      ...(bytes !== undefined && bytes.length > 0 && { body: bytes }),
    });
  } catch (cause) {
    throw notAnEvent(cause);
  }
}

const HttpEvent = z.object({
  version: z.literal("2.0"),
  rawPath: z.string().startsWith("/"),
  rawQueryString: z.string().default(""),
  headers: z.record(z.string(), z.string()),
  cookies: z.array(z.string()).optional(),
  requestContext: z.object({
    domainName: z.string().regex(/^[A-Za-z0-9.-]+$/),
    http: z.object({ method: z.string() }),
  }),
  isBase64Encoded: z.boolean().default(false),
  body: z.string().optional(),
});

/** What a call to Lambda may have: a larger one isn't handed on, but may be made by hand. */
const MAX_BODY_LETTERS = 6 * 2 ** 20;

function notAnEvent(cause?: unknown): KilotuneError {
  return new KilotuneError(
    "invalid_request",
    "Expected an HTTP call in AWS's payload format 2.0.",
    "Call the function's URL, or an HTTP API whose integration has the payload format version 2.0.",
    { cause },
  );
}

function tooLarge(): KilotuneError {
  return new KilotuneError(
    "body_too_large",
    "A call may have at most 6 MB.",
    "Send less in one call; files in parts (POST /v1/uploads), of 4 MB each; large images as files of purpose vision, by their file_id.",
  );
}
