import {
  type Context,
  context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import { isCodedError } from "../error.ts";

/**
 * What a span tells. By type it is an id of ours, a route, a code or a count: never a key, a text, a label, a name that
 * people chose.
 */
export interface SpanAttributes {
  "http.request.method"?: string;
  /** The pattern, never the path. */
  "http.route"?: string;
  "http.response.status_code"?: number;
  /** A code of ours or, of what nobody foresaw, the error's class; never its message. */
  "error.type"?: string;
  /** As the log has it. */
  "kilotune.request"?: string;
  "kilotune.tenant"?: string;
  "kilotune.job"?: string;
  "kilotune.batch"?: string;
  "kilotune.backbone"?: string;
  "kilotune.rows"?: number;
  "kilotune.tokens"?: number;
  "kilotune.passes"?: number;
  "kilotune.background"?: boolean;
}

export interface SpanOptions {
  readonly attributes?: SpanAttributes;
  /** The first of a trace of its own: what answers a call from outside, and what a call begins without waiting for it. */
  readonly root?: boolean;
  /** Of `currentPlace`, where the span is begun by other work than it belongs to. */
  readonly place?: Place;
  readonly kind?: "server" | "internal";
  /** Which errors are no failure of the work, beside a caller's bad input. */
  readonly isExpected?: (error: unknown) => boolean;
}

/** A span of OpenTelemetry that takes no other attributes. */
export class TracedSpan {
  readonly #span: Span;

  constructor(span: Span) {
    this.#span = span;
  }

  get isRecorded(): boolean {
    return this.#span.isRecording();
  }

  rename(name: string): void {
    this.#span.updateName(name);
  }

  set(attributes: SpanAttributes): void {
    this.#span.setAttributes({ ...attributes });
  }

  linkTo(other: TracedSpan): void {
    this.#span.addLink({ context: other.#span.spanContext() });
  }

  /** With the error's code; as a failure unless it is the caller's own, or `isExpected`. */
  fail(error: unknown, isExpected: (error: unknown) => boolean = () => false): void {
    const isOurs = isCodedError(error);
    this.set({ "error.type": isOurs ? error.code : error instanceof Error ? error.name : typeof error });
    const isInput = isOurs && error.kind === "input";
    if (!isInput && !isExpected(error)) this.#span.setStatus({ code: SpanStatusCode.ERROR });
  }

  end(): void {
    this.#span.end();
  }
}

/**
 * The work as a span, with the spans that are begun in it below. Recorded where an OpenTelemetry SDK is registered in this
 * process; where none is, the call costs about a microsecond.
 */
export async function inSpan<T>(
  name: string,
  options: SpanOptions,
  work: (span: TracedSpan) => Promise<T>,
): Promise<T> {
  const parent = placeOf(options);
  const span = begin(name, options, parent);
  const traced = new TracedSpan(span);
  try {
    return await context.with(trace.setSpan(parent, span), work, undefined, traced);
  } catch (error) {
    traced.fail(error, options.isExpected);
    throw error;
  } finally {
    span.end();
  }
}

/** For work that isn't one function: whoever begins it ends it. */
export function beginSpan(name: string, options: SpanOptions = {}): TracedSpan {
  return new TracedSpan(begin(name, options, placeOf(options)));
}

/** Where a span that is begun now has its place. */
export type Place = Context;

export function currentPlace(): Place {
  return context.active();
}

function placeOf({ root, place }: SpanOptions): Place {
  return root ? ROOT_CONTEXT : (place ?? context.active());
}

function begin(name: string, { attributes, kind }: SpanOptions, parent: Place): Span {
  // Asked for each time: a tracer that is kept stays with the SDK that it met first.
  return trace.getTracer("kilotune").startSpan(
    name,
    {
      kind: kind === "server" ? SpanKind.SERVER : SpanKind.INTERNAL,
      ...(attributes && { attributes: { ...attributes } }),
    },
    parent,
  );
}
