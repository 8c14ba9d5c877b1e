import { ApiError, ConnectionError } from "../errors.ts";

/**
 * How long to wait before a call is tried again; undefined where it mustn't be. What the server asks for is what it
 * gets, up to a minute: nobody waits longer unasked, and asking sooner is what the server asked not to.
 *
 * @param failures before this one
 * @param repeatable false: of an unknown outcome there is no second try, since the first may have been done
 */
export function pauseMs(
  error: unknown,
  failures: number,
  repeatable: boolean,
  random: () => number = Math.random,
): number | undefined {
  if (error instanceof ConnectionError)
    return error.retryable && repeatable ? backoffMs(failures, random) : undefined;
  if (!(error instanceof ApiError) || !error.retryable) return undefined;
  if (!repeatable && !REFUSED_UNTOUCHED.has(error.status)) return undefined;
  const asked = error.retryAfterMs;
  if (asked === undefined) return backoffMs(failures, random);
  return asked <= LONGEST_ASKED_MS ? asked : undefined;
}

/** `retry-after-ms`, else `retry-after` in seconds or as a date; undefined where there is none that makes sense. */
export function retryAfterMs(headers: Headers, nowMs: number): number | undefined {
  const exact = headers.get("retry-after-ms");
  if (exact !== null && DECIMAL.test(exact)) return Number(exact);
  const rough = headers.get("retry-after");
  if (rough === null) return undefined;
  if (DECIMAL.test(rough)) return 1000 * Number(rough);
  const date = Date.parse(rough);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}

/** 0.5 s, 1 s, 2 s .. 8 s, each cut by up to a quarter: clients that failed together don't come back together. */
function backoffMs(failures: number, random: () => number): number {
  return Math.min(500 * 2 ** failures, 8000) * (1 - 0.25 * random());
}

/** Statuses that say that nothing was done: a call that never arrived whole, a busy record, a limit, a closed door. */
const REFUSED_UNTOUCHED = new Set([408, 409, 429, 503]);
const LONGEST_ASKED_MS = 60_000;
const DECIMAL = /^\d{1,9}(\.\d+)?$/;
