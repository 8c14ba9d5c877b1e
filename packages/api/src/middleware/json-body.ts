import { KilotuneError } from "@kilotune/contract";
import { TOKENS_OF_IMAGE } from "@kilotune/contract/wire";
import { createMiddleware } from "hono/factory";
import { parseJson } from "../body/parse-json.ts";
import { readBody } from "../body/read-body.ts";
import type { Env } from "../env.ts";
import { takeShare } from "./rate-limit.ts";

export interface BodyOptions {
  /** The body is text or images for a model, and counts against the tenant's tokens a minute. */
  readonly tokens?: boolean;
  /** No body means `{}`. */
  readonly optional?: boolean;
}

/**
 * Reads a JSON body within its caps, for the route's schema to check. Takes the request's share of the minute on the
 * way, since a body that isn't JSON costs as much.
 */
export function jsonBody({ tokens = false, optional = false }: BodyOptions) {
  return createMiddleware<Env>(async (c, next) => {
    const { jsonBytes, bodyTimeoutMs } = c.var.deps.limits;
    const bytes = await readBody(c.req.raw, jsonBytes, bodyTimeoutMs);
    await takeShare(c, tokens ? tokensOf(bytes) : 0);
    if (!(optional && bytes.length === 0)) {
      refuseMediaType(c.req.header("content-type"));
      // Where Hono looks for a body that was read. Its validator parses again: not worth a second way.
      Object.assign(c.req.bodyCache, { text: Promise.resolve(parseJson(bytes).text) });
    }
    await next();
  });
}

/**
 * The tokenizer's count isn't known yet: about a token for four bytes, in every script. Metering uses the exact one. Of
 * images each counts the same, whatever its bytes: a body that names `images` is looked into first.
 */
function tokensOf(bytes: Uint8Array): number {
  const byBytes = Math.ceil(bytes.length / 4);
  // In a text the quotes would be escaped. A key written in another way (`\u0069mages`) counts by its bytes.
  if (!Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes('"images"')) return byBytes;
  const images = imagesIn(bytes);
  return images === undefined ? byBytes : images * TOKENS_OF_IMAGE;
}

function imagesIn(bytes: Uint8Array): number | undefined {
  try {
    const { images, input } = parseJson(bytes).value as { images?: unknown; input?: unknown };
    return Array.isArray(images) && input === undefined ? images.length : undefined;
  } catch {
    return undefined;
  }
}

function refuseMediaType(contentType: string | undefined): void {
  const [type = "", ...parameters] = (contentType ?? "").toLowerCase().split(";");
  const charset = parameters.map((each) => each.trim()).find((each) => each.startsWith("charset="));
  const utf8 = charset === undefined || /^charset="?utf-?8"?$/.test(charset);
  if (type.trim() === "application/json" && utf8) return;
  throw new KilotuneError(
    "unsupported_media_type",
    "Expected a JSON body in UTF-8.",
    "Send it with `content-type: application/json`.",
  );
}
