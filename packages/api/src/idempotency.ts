import { badField } from "@kilotune/contract/wire";
import { createHash } from "node:crypto";
import type { Repeat, SecretRepeat } from "@kilotune/service";
import type { Context } from "hono";
import type { Env } from "./env.ts";

/** The `Idempotency-Key` header. @throws KilotuneError `invalid_request` where it isn't 1 to 255 printable characters */
export function idempotencyKey(c: Context<Env>): string | undefined {
  const key = c.req.header("idempotency-key");
  if (key === undefined || /^[!-~]{1,255}$/.test(key)) return key;
  throw badField("Idempotency-Key", "expected 1 to 255 printable characters without blanks");
}

/** How a repeat of this call is recognised: OpenAI's client repeats POSTs without a key, so the body speaks too. */
export function repeatOf(c: Context<Env>, body: unknown): Repeat {
  const key = idempotencyKey(c);
  const hash = createHash("sha256")
    .update(`${c.req.method} ${c.req.path}\n${JSON.stringify(body)}`)
    .digest("hex");
  return key === undefined ? { body: hash } : { key, body: hash };
}

/** The same of a call whose answer holds a secret. OpenAI's clients say how often they have sent it before. */
export function secretRepeatOf(c: Context<Env>, body: unknown): SecretRepeat {
  const retries = Number(c.req.header("x-stainless-retry-count") ?? 0);
  return { ...repeatOf(c, body), isRetry: retries > 0 };
}
