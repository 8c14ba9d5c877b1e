import type { LintIssue } from "@kilotune/contract";
import type { Refusal } from "../errors.ts";
import { retryAfterMs } from "./pause.ts";

/**
 * An answer that is no success, as data. What isn't in the API's shape comes from something in between (a proxy's page):
 * it is told by its status, never quoted.
 */
export async function readRefusal(response: Response, nowMs: number): Promise<Refusal> {
  const { status, headers } = response;
  const { message, code, param, made, issues } = errorIn(await response.text());
  return {
    status,
    code: code ?? `http_${status}`,
    message: message ?? `Expected an answer of Kilotune's API, saw status ${status}.`,
    param: param ?? null,
    made: made ?? null,
    issues: issues ?? [],
    requestId: headers.get("x-request-id"),
    retryable: shouldRetry(headers.get("x-should-retry"), status),
    retryAfterMs: retryAfterMs(headers, nowMs),
  };
}

interface Told {
  readonly message?: string;
  readonly code?: string;
  readonly param?: string;
  readonly made?: string;
  readonly issues?: readonly LintIssue[];
}

function errorIn(text: string): Told {
  const { error } = asObject(parsed(text));
  const told = asObject(error);
  return {
    ...(typeof told.message === "string" && { message: told.message }),
    ...(typeof told.code === "string" && { code: told.code }),
    ...(typeof told.param === "string" && { param: told.param }),
    ...(typeof told.made === "string" && { made: told.made }),
    ...(Array.isArray(told.issues) && { issues: told.issues.map(issueOf) }),
  };
}

function issueOf(value: unknown): LintIssue {
  const { line, column, code, message, hint } = asObject(value);
  return {
    line: Number(line) || 0,
    column: Number(column) || 0,
    code: String(code),
    message: String(message),
    hint: String(hint ?? ""),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function asObject(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

/** The server says it of every refusal. Where something else answers: not a 409, which may mean anything. */
function shouldRetry(told: string | null, status: number): boolean {
  if (told !== null) return told === "true";
  return status === 408 || status === 429 || (status >= 500 && status !== 501 && status !== 507);
}
