import { isCodedError, KilotuneError } from "@kilotune/contract";
import { apiError, ConnectionError, TimeoutError } from "../errors.ts";
import { pauseMs } from "./pause.ts";
import { randomHex } from "./random-hex.ts";
import { readRefusal } from "./read-refusal.ts";
import { sleep } from "./sleep.ts";
import { steadyBody } from "./steady-body.ts";

export interface TransportOptions {
  /** The server's address, with or without `/v1`. */
  readonly baseURL: string;
  /** `kt_..`; it goes to the server alone, never into an error. */
  readonly apiKey: string;
  /** After the first try; default 2. */
  readonly maxRetries?: number;
  /** Of each try, to the end of the answer; of a download, between two pieces of it. Default ten minutes. */
  readonly timeoutMs?: number;
  readonly fetch?: typeof globalThis.fetch;
}

/** What any call takes besides. */
export interface RequestOptions {
  /** Ends the call with the signal's reason. */
  readonly signal?: AbortSignal;
  readonly maxRetries?: number;
  readonly timeoutMs?: number;
  /** Of a create: one of your own, e.g. to repeat it after a restart. */
  readonly idempotencyKey?: string;
}

export interface Call {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** From the root, ids encoded: see path.ts. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  /** Sent as JSON; a Blob as what it is. */
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent with an `Idempotency-Key`, the same in every try. */
  readonly creates?: true;
  /** false: where the answer is lost nobody knows whether it was done, and a second time would do harm. */
  readonly repeatable?: false;
}

/** Calls with retries and deadlines: the one place that sees the key, `fetch` and a response. */
export class Transport {
  readonly #root: string;
  readonly #apiKey: string;
  readonly #fetch: typeof globalThis.fetch;
  readonly #maxRetries: number;
  readonly #timeoutMs: number;

  constructor({ baseURL, apiKey, fetch, maxRetries = 2, timeoutMs = 600_000 }: TransportOptions) {
    this.#root = rootOf(baseURL);
    // Headers would refuse it too, quoting it.
    if (!/^[!-~]+$/.test(apiKey))
      throw usage("apiKey: expected a key, saw blanks or nothing.", "Copy it again.");
    this.#apiKey = apiKey;
    // Called as a function: a browser's own refuses to be called as a method of anything else.
    this.#fetch = fetch ?? ((input, init) => globalThis.fetch(input, init));
    this.#maxRetries = maxRetries;
    this.#timeoutMs = timeoutMs;
  }

  async json<T>(call: Call, options?: RequestOptions): Promise<T> {
    return (await this.answer<T>(call, options)).data;
  }

  /** With the headers, for those who need an ETag. */
  answer<T>(call: Call, options?: RequestOptions): Promise<{ readonly data: T; readonly headers: Headers }> {
    return this.#send(call, options, async (response) => ({
      data: await readJson<T>(response),
      headers: response.headers,
    }));
  }

  /** The body as it comes. It ends with a typed error where the line is cut or silent for `timeoutMs`. */
  stream(call: Call, options: RequestOptions = {}): Promise<Response> {
    const timeoutMs = Math.min(options.timeoutMs ?? this.#timeoutMs, LONGEST_TIMER_MS);
    return this.#send(call, options, async (response, abort) => {
      const body = steadyBody(response, timeoutMs, abort, (error) => this.#translated(error, options.signal));
      return new Response(body, { status: response.status, headers: response.headers });
    });
  }

  async #send<T>(call: Call, options: RequestOptions = {}, read: Read<T>): Promise<T> {
    const { maxRetries = this.#maxRetries, timeoutMs = this.#timeoutMs, signal } = options;
    const init = this.#initOf(call, options.idempotencyKey);
    for (let failures = 0; ; failures++) {
      try {
        return await this.#attempt(
          this.#root + call.path + queryOf(call.query),
          init,
          signal,
          timeoutMs,
          read,
        );
      } catch (error) {
        const wait = failures < maxRetries ? pauseMs(error, failures, call.repeatable ?? true) : undefined;
        if (wait === undefined) throw error;
        await sleep(wait, signal);
      }
    }
  }

  async #attempt<T>(
    url: string,
    init: RequestInit,
    signal: AbortSignal | undefined,
    timeoutMs: number,
    read: Read<T>,
  ): Promise<T> {
    signal?.throwIfAborted();
    const own = new AbortController();
    const abort = () => own.abort(new TimeoutError(timeoutMs));
    const timer = setTimeout(abort, Math.min(timeoutMs, LONGEST_TIMER_MS));
    try {
      const both = signal === undefined ? own.signal : AbortSignal.any([signal, own.signal]);
      const response = await this.#fetch(url, { ...init, signal: both });
      if (response.ok) return await read(response, abort);
      const refusal = await readRefusal(response, Date.now());
      throw apiError({ ...refusal, message: this.#withoutKey(refusal.message) });
    } catch (error) {
      throw this.#translated(error, signal);
    } finally {
      clearTimeout(timer);
    }
  }

  #initOf({ method, body, creates, headers }: Call, idempotencyKey: string | undefined): RequestInit {
    const isBlob = body instanceof Blob;
    return {
      method,
      headers: {
        accept: "application/json",
        authorization: `Bearer ${this.#apiKey}`,
        ...(body !== undefined && !isBlob && { "content-type": "application/json" }),
        ...(creates && { "idempotency-key": idempotencyKey ?? randomHex() }),
        ...headers,
      },
      ...(body !== undefined && { body: isBlob ? body : JSON.stringify(body) }),
      // The API never redirects: a redirect is another server's, and a POST would arrive there as a GET.
      redirect: "error",
    };
  }

  /**
   * An abort stays the caller's reason, ours stay ours; all else is the line. No `cause`: whatever fetch throws may
   * hold the request, and with it the key.
   */
  #translated(error: unknown, signal: AbortSignal | undefined): unknown {
    if (signal?.aborted) return signal.reason;
    if (isCodedError(error)) return error;
    return new ConnectionError(`The server couldn't be reached: ${this.#withoutKey(reasonOf(error))}.`);
  }

  #withoutKey(text: string): string {
    return text.replaceAll(this.#apiKey, "[key]");
  }
}

/** Of longer ones, such as Infinity, setTimeout makes a millisecond. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

type Read<T> = (response: Response, abort: () => void) => Promise<T>;

/** @throws ConnectionError `unexpected_answer`: a page of some other server, or one that was cut */
async function readJson<T>(response: Response): Promise<T> {
  const type = response.headers.get("content-type") ?? "";
  const text = await response.text();
  try {
    if (type.startsWith("application/json")) return JSON.parse(text);
  } catch {}
  const seen = type === "" ? "no type" : JSON.stringify(type.slice(0, 80));
  throw new ConnectionError(`Expected JSON of Kilotune's API, saw ${text.length} characters of ${seen}.`, {
    code: "unexpected_answer",
    retryable: false,
  });
}

function queryOf(query: Call["query"] = {}): string {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)]],
  );
  return given.length === 0 ? "" : `?${new URLSearchParams(given)}`;
}

/** @throws KilotuneError of kind "usage" */
function rootOf(baseURL: string): string {
  const url = URL.parse(baseURL);
  const fits = url !== null && /^https?:$/.test(url.protocol) && !url.search && !url.hash;
  // Credentials in the address would be quoted by fetch's own refusal.
  if (!fits || url.username || url.password) {
    throw usage(
      "baseURL: expected an http or https address, without a user, a query or a fragment.",
      "Give the server's address, such as http://127.0.0.1:8787.",
    );
  }
  return url.href.replace(/\/+$/, "").replace(/\/v1$/, "");
}

function usage(message: string, hint: string): KilotuneError {
  return new KilotuneError("usage", message, hint, { kind: "usage" });
}

/** Node says "fetch failed" and hides the reason below, in one error or, of several addresses, in each. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "no reason given";
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  return cause.message || ("code" in cause ? String(cause.code) : error.message);
}
