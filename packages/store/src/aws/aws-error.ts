import { isCodedError, KilotuneError } from "@kilotune/contract";
import { StaleWriteError } from "../ports/records.ts";

/**
 * What of AWS's refusals is told: `store_busy` where it may pass (throttled, slow, not reached), after the SDK has tried
 * again; `store_denied` where it won't. All else stays as it is.
 */
export function asStoreError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof StaleWriteError || isCodedError(error)) return error;
  const { name, $metadata, $retryable, code } = error as AwsError;
  const status = $metadata?.httpStatusCode ?? 0;
  if (DENIED.has(name) || status === 403) return denied(error);
  const mayPass =
    $retryable !== undefined || PASSING_STATUS.has(status) || PASSING.has(name) || PASSING.has(code ?? "");
  return mayPass ? busy(error) : error;
}

/** The same calls, with AWS's refusals as above: of promises, and of what is read bit by bit. */
export function withStoreErrors<Port extends object>(port: Port): Port {
  const call =
    (method: (...given: unknown[]) => unknown) =>
    (...given: unknown[]) => {
      const answer = method.apply(port, given);
      if (answer instanceof Promise) return answer.then(reading, fail);
      return reading(answer);
    };
  return new Proxy(port, {
    get(target, name) {
      const member = Reflect.get(target, name);
      return typeof member === "function" ? call(member as Parameters<typeof call>[0]) : member;
    },
  });
}

/** Chunks of a blob, a list of blobs: the line may break in their middle. */
function reading(answer: unknown): unknown {
  if (typeof answer !== "object" || answer === null) return answer;
  if (Symbol.asyncIterator in answer) return translated(answer as AsyncIterable<unknown>);
  if (!("chunks" in answer)) return answer;
  return { ...answer, chunks: translated(answer.chunks as AsyncIterable<unknown>) };
}

function translated<T>(source: AsyncIterable<T>): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]() {
      const inner = source[Symbol.asyncIterator]();
      return {
        next: () => inner.next().catch(fail),
        return: async (value) => (await inner.return?.(value)) ?? { done: true, value },
      };
    },
  };
}

function fail(error: unknown): never {
  throw asStoreError(error);
}

interface AwsError extends Error {
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly $retryable?: object;
  readonly code?: string;
}

const DENIED = new Set([
  "AccessDenied",
  "AccessDeniedException",
  "ExpiredToken",
  "ExpiredTokenException",
  "InvalidAccessKeyId",
  "SignatureDoesNotMatch",
  "UnrecognizedClientException",
  "CredentialsProviderError",
]);

const PASSING_STATUS = new Set([429, 500, 502, 503, 504]);

/** Names of AWS's errors and codes of Node's. */
const PASSING = new Set([
  "ProvisionedThroughputExceededException",
  "RequestLimitExceeded",
  "RequestTimeout",
  "SlowDown",
  "ThrottlingException",
  "Throttling",
  "TimeoutError",
  "TooManyRequestsException",
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "ENOTFOUND",
  "EAI_AGAIN",
]);

function busy(cause: Error): KilotuneError {
  return new KilotuneError(
    "store_busy",
    "the store is throttled, slow or not to be reached",
    "Try again in a moment.",
    { kind: "machine", retryable: true, cause },
  );
}

function denied(cause: Error): KilotuneError {
  return new KilotuneError(
    "store_denied",
    `the store refused this function's credentials (${cause.name})`,
    "Compare the function's role, the tenant role and the bucket's and key's policies with infra/stack: `npx sst diff` shows what differs.",
    { kind: "machine", cause },
  );
}
