import { KilotuneError } from "@kilotune/contract";
import { type RateAnswer, type RateState, takeRate } from "@kilotune/service";
import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import type { Env } from "../env.ts";

/** One request of the tenant's minute. */
export const takeRequest = createMiddleware<Env>(async (c, next) => {
  await takeShare(c, 0);
  await next();
});

/**
 * One request and so many tokens of the tenant's minute, told in OpenAI's headers.
 *
 * @throws KilotuneError `rate_limit_exceeded`
 */
export async function takeShare(c: Context<Env>, tokens: number): Promise<void> {
  const { caller, tenant, service } = c.var;
  const answer = await takeRate(service, tenant, caller.limits, { requests: 1, tokens });
  const headers = headersOf(answer);
  if (!answer.allowed) throw exceeded(answer, headers);
  for (const [name, value] of Object.entries(headers)) c.header(name, value);
}

function headersOf({ requests, tokens, resetSeconds }: RateAnswer): Record<string, string> {
  const of = (name: string, { limit, remaining }: RateState) => ({
    [`x-ratelimit-limit-${name}`]: String(limit),
    [`x-ratelimit-remaining-${name}`]: String(remaining),
    [`x-ratelimit-reset-${name}`]: `${resetSeconds}s`,
  });
  return { ...of("requests", requests), ...of("tokens", tokens) };
}

function exceeded({ requests, tokens, resetSeconds }: RateAnswer, headers: Record<string, string>): Error {
  const which = requests.remaining < 1 ? `${requests.limit} requests` : `${tokens.limit} tokens`;
  const error = new KilotuneError(
    "rate_limit_exceeded",
    `This tenant's limit of ${which} a minute is reached.`,
    `Try again in ${resetSeconds} s.`,
    { retryable: true },
  );
  return Object.assign(error, { retryAfterSeconds: resetSeconds, headers });
}
