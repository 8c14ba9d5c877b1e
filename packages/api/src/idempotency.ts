import { badField } from "@kilotune/contract/wire";
import { createHash } from "node:crypto";
import type { Repeat } from "@kilotune/service";
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
