import { isCodedError, type KilotuneError, type TenantId } from "@kilotune/contract";
import {
  ClassifyRequest,
  EmbeddingsRequest,
  type ErrorBody,
  errorType,
  invalidField,
  statusOf,
} from "@kilotune/contract/wire";
import type { BatchEndpoint, BatchFault } from "./batch.ts";
import type { BatchLine } from "./batch-lines.ts";
import type { Service } from "./context.ts";
import { inferLabels, inferVectors, inputsOf, type Reply } from "./infer.ts";
import type { Inference } from "./inference.ts";
import { newUlid } from "./new-id.ts";
import { type Resolved, resolveModel } from "./resolve.ts";

/** A line that is ready to be asked, or why it can't be. */
export type PreparedLine = { readonly line: number; readonly customId: string | null } & (
  | { readonly request: ClassifyRequest | EmbeddingsRequest; readonly resolved: Resolved }
  | { readonly refusal: KilotuneError }
  | { readonly fault: BatchFault }
);

/** What some lines came to: lines of the output and of the error file, and what is metered for them. */
export interface AnsweredLines {
  /** Of the last. */
  readonly line: number;
  readonly output: string;
  readonly error: string;
  readonly completed: number;
  readonly failed: number;
  /** By model as answered. */
  readonly amounts: ReadonlyMap<string, { readonly requests: number; readonly tokens: number }>;
}

export async function prepareLine(
  service: Service,
  tenant: TenantId,
  endpoint: BatchEndpoint,
  line: BatchLine,
): Promise<PreparedLine> {
  if ("fault" in line) return line;
  const { customId, body } = line;
  const place = { line: line.line, customId };
  const schema = endpoint === "/v1/classify" ? ClassifyRequest : EmbeddingsRequest;
  const parsed = schema.safeParse(body);
  if (!parsed.success) return { ...place, refusal: invalidField(parsed.error) };
  const request = parsed.data;
  try {
    const resolved = await resolveModel(service, tenant, request.model, request.user ?? customId);
    return { ...place, request, resolved };
  } catch (error) {
    return { ...place, refusal: refusalOf(error) };
  }
}

/** What a model is asked to read. */
export function textsOf(line: PreparedLine): readonly string[] {
  return "request" in line ? inputsOf(line.request) : [];
}

/** All at once: the model's queue puts them together. @throws what may be otherwise the next time */
export async function answerLines(
  service: Service,
  tenant: TenantId,
  endpoint: BatchEndpoint,
  lines: readonly PreparedLine[],
  tools: { readonly inference: Inference; readonly signal: AbortSignal },
): Promise<AnsweredLines> {
  const ask = (line: PreparedLine) => replyTo(tenant, endpoint, line, tools);
  const replies = await Promise.all(lines.map(ask));
  const amounts = new Map<string, { requests: number; tokens: number }>();
  let output = "";
  let error = "";
  let completed = 0;
  for (const [at, line] of lines.entries()) {
    const reply = replies[at] as LineReply;
    const text = `${JSON.stringify(lineOf(newUlid(service), line, reply))}\n`;
    if (reply.kind !== "answer") {
      error += text;
      continue;
    }
    output += text;
    completed++;
    const { requests, tokens } = amounts.get(reply.model) ?? { requests: 0, tokens: 0 };
    amounts.set(reply.model, { requests: requests + 1, tokens: tokens + reply.tokens });
  }
  const { line } = lines.at(-1) as PreparedLine;
  return { line, output, error, completed, failed: lines.length - completed, amounts };
}

type LineReply =
  | { readonly kind: "answer"; readonly model: string; readonly tokens: number; readonly body: unknown }
  | { readonly kind: "refusal"; readonly error: KilotuneError }
  | { readonly kind: "fault"; readonly fault: BatchFault };

async function replyTo(
  tenant: TenantId,
  endpoint: BatchEndpoint,
  line: PreparedLine,
  { inference, signal }: { readonly inference: Inference; readonly signal: AbortSignal },
): Promise<LineReply> {
  if ("fault" in line) return { kind: "fault", fault: line.fault };
  if ("refusal" in line) return { kind: "refusal", error: line.refusal };
  const { request, resolved } = line;
  const question = { tenant, request, resolved, signal, background: true };
  try {
    const ask: Promise<Reply<unknown>> =
      endpoint === "/v1/classify" ? inferLabels(inference, question) : inferVectors(inference, question);
    const { body, tokens } = await ask;
    return { kind: "answer", model: resolved.model, tokens, body };
  } catch (error) {
    signal.throwIfAborted();
    return { kind: "refusal", error: refusalOf(error) };
  }
}

/** @throws what isn't the request's own, or may be otherwise the next time */
function refusalOf(error: unknown): KilotuneError {
  if (!isCodedError(error) || error.code === "closed") throw error;
  if ("retryable" in error && error.retryable === true) throw error;
  return error as KilotuneError;
}

/** As OpenAI's: a request that was refused has its refusal as response, a line that is no request has none. */
function lineOf(ulid: string, { customId, line }: PreparedLine, reply: LineReply): object {
  const head = { id: `batch_req_${ulid}`, custom_id: customId };
  if (reply.kind === "fault") {
    const { code, message } = reply.fault;
    return { ...head, response: null, error: { code, message, line } };
  }
  const [status_code, body] = reply.kind === "answer" ? [200, reply.body] : refusedBody(reply.error);
  return { ...head, response: { status_code, request_id: `req_${ulid}`, body }, error: null };
}

function refusedBody({ code, kind, message, hint, param = null }: KilotuneError): [number, ErrorBody] {
  const status = statusOf(code, kind);
  const words =
    status === 500 ? "Something went wrong on the server's side." : [message, hint].filter(Boolean).join(" ");
  return [status, { error: { message: words, type: errorType(status), param, code } }];
}
