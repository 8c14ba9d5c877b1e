import { isCodedError, type LintIssue } from "@kilotune/contract";
import { type ErrorBody, errorType, statusOf } from "@kilotune/contract/wire";
import { HTTPException } from "hono/http-exception";

export interface ErrorAnswer {
  readonly status: number;
  readonly body: ErrorBody;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * The one place where an error becomes an answer. What we didn't foresee is told as `internal_error` and nothing more:
 * its message may hold a path, a statement or a text.
 */
export function describeError(error: unknown): ErrorAnswer {
  const seen = error instanceof HTTPException ? fromHono(error) : error;
  const foreseen = isCodedError(seen);
  const code = foreseen ? seen.code : "internal_error";
  const status = foreseen ? statusOf(code, seen.kind) : 500;
  const { param, made, issues, retryable, retryAfterSeconds, headers } = (foreseen ? seen : {}) as Extras;
  const repeat = retryable === true || RETRYABLE.has(status);
  return {
    status,
    body: {
      error: {
        message: foreseen && status !== 500 ? wordsFor(seen) : "Something went wrong on the server's side.",
        type: errorType(status),
        param: param ?? null,
        code,
        ...(made === undefined ? {} : { made }),
        ...(issues?.length ? { issues: issues.map(bare) } : {}),
      },
    },
    headers: {
      ...headers,
      // OpenAI's clients repeat 409, 429 and 5xx unless told: a refusal that will stay one isn't to be asked for thrice.
      "x-should-retry": String(repeat),
      ...(repeat ? { "retry-after": String(retryAfterSeconds ?? 1) } : {}),
    },
  };
}

/** What some errors carry besides. */
interface Extras {
  readonly param?: string | null;
  readonly made?: string;
  readonly issues?: readonly LintIssue[];
  readonly retryable?: boolean;
  readonly retryAfterSeconds?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A foreign, a random and a malformed id, a wrong and an expired key: they must read the same to the byte. */
const FIXED_WORDS: Readonly<Record<string, string>> = {
  not_found: "Nothing is here under that name. Check the address, the id, and whose key this is.",
  model_not_found: "No model or alias has that name. GET /v1/models lists what this key may use.",
  invalid_api_key:
    "The API key is missing, wrong, expired or revoked. Send it as `Authorization: Bearer kt_...`.",
};

function wordsFor({ code, message, hint }: { code: string; message: string; hint: string }): string {
  return FIXED_WORDS[code] ?? [message, hint].filter(Boolean).join(" ");
}

/** Of these the next try may well succeed, whoever threw them. */
const RETRYABLE = new Set([408, 500, 503, 504]);

/** Issues of another version may carry more than the wire names. */
function bare({ line, column, code, message, hint }: LintIssue): LintIssue {
  return { line, column, code, message, hint };
}

/** Hono's own refusals: a path that can't be decoded, a media type that a route doesn't declare. */
function fromHono({ status, cause }: HTTPException): unknown {
  if (status >= 500) return cause;
  const code = status === 415 ? "unsupported_media_type" : "invalid_request";
  const error = new Error("The request can't be read.");
  return Object.assign(error, { code, kind: "input", hint: "See /docs for what this call takes." });
}
