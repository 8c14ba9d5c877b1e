import { isCodedError, type KilotuneError, type TenantId } from "@kilotune/contract";
import {
  ClassifyRequest,
  DetectRequest,
  EmbeddingsRequest,
  EstimateRequest,
  TagRequest,
  type ErrorBody,
  errorType,
  invalidField,
  SegmentRequest,
  statusOf,
} from "@kilotune/contract/wire";
import type { BatchEndpoint, BatchFault } from "./batch.ts";
import type { BatchLine } from "./batch-lines.ts";
import type { Service } from "./context.ts";
import {
  type InferRequest,
  imagesAsked,
  inferLabels,
  inferMasks,
  inferNumbers,
  inferSpans,
  inferObjects,
  inferVectors,
  inputsOf,
  type Question,
  type Reply,
} from "./infer.ts";
import type { Inference } from "./inference.ts";
import { newUlid } from "./new-id.ts";
import { openImages } from "./open-images.ts";
import { type Resolved, resolveModel } from "./resolve.ts";
import type { Amounts } from "./usage.ts";

/** A line that is ready to be asked, or why it can't be. */
export type PreparedLine = { readonly line: number; readonly customId: string | null } & (
  | { readonly request: InferRequest; readonly resolved: Resolved }
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
  readonly amounts: ReadonlyMap<string, Amounts>;
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
  const parsed = SCHEMAS[endpoint].safeParse(body);
  if (!parsed.success) return { ...place, refusal: invalidField(parsed.error) };
  const request = parsed.data;
  try {
    const resolved = await resolveModel(service, tenant, request.model, request.user ?? customId);
    return { ...place, request, resolved };
  } catch (error) {
    return { ...place, refusal: refusalOf(error) };
  }
}

const SCHEMAS = {
  "/v1/classify": ClassifyRequest,
  "/v1/estimate": EstimateRequest,
  "/v1/tag": TagRequest,
  "/v1/embeddings": EmbeddingsRequest,
  "/v1/segment": SegmentRequest,
  "/v1/detect": DetectRequest,
} as const;

/** What a model is asked to read. */
export function textsOf(line: PreparedLine): readonly string[] {
  const inputs = "request" in line && "input" in line.request ? inputsOf(line.request) : [];
  return inputs.map((input) => (typeof input === "string" ? input : input.text + input.text_pair));
}

/** How many images. */
export function imagesOf(line: PreparedLine): number {
  return "request" in line ? imagesAsked(line.request).length : 0;
}

/** All at once: the model's queue puts them together. @throws what may be otherwise the next time */
export async function answerLines(
  service: Service,
  tenant: TenantId,
  endpoint: BatchEndpoint,
  lines: readonly PreparedLine[],
  tools: { readonly inference: Inference; readonly signal: AbortSignal },
): Promise<AnsweredLines> {
  const ask = (line: PreparedLine) => replyTo(service, tenant, endpoint, line, tools);
  const replies = await Promise.all(lines.map(ask));
  const amounts = new Map<string, Amounts>();
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
    const { requests, tokens, images = 0 } = amounts.get(reply.model) ?? NONE;
    amounts.set(reply.model, {
      requests: requests + 1,
      tokens: tokens + reply.tokens,
      images: images + reply.images,
    });
  }
  const { line } = lines.at(-1) as PreparedLine;
  return { line, output, error, completed, failed: lines.length - completed, amounts };
}

const NONE: Amounts = { requests: 0, tokens: 0, images: 0 };

type LineReply =
  | ({ readonly kind: "answer"; readonly model: string } & Omit<Reply<unknown>, "rows">)
  | { readonly kind: "refusal"; readonly error: KilotuneError }
  | { readonly kind: "fault"; readonly fault: BatchFault };

async function replyTo(
  service: Service,
  tenant: TenantId,
  endpoint: BatchEndpoint,
  line: PreparedLine,
  { inference, signal }: { readonly inference: Inference; readonly signal: AbortSignal },
): Promise<LineReply> {
  if ("fault" in line) return { kind: "fault", fault: line.fault };
  if ("refusal" in line) return { kind: "refusal", error: line.refusal };
  const { request, resolved } = line;
  try {
    const images = await openImages(service, tenant, imagesAsked(request));
    const question = { tenant, request, resolved, images, signal, background: true };
    const {
      body,
      tokens,
      images: seen,
    } = await ASK[endpoint](inference, question as Question<InferRequest> as never);
    return { kind: "answer", model: resolved.model, tokens, images: seen, body };
  } catch (error) {
    signal.throwIfAborted();
    return { kind: "refusal", error: refusalOf(error) };
  }
}

const ASK: Readonly<
  Record<BatchEndpoint, (inference: Inference, question: Question<never>) => Promise<Reply<unknown>>>
> = {
  "/v1/classify": inferLabels,
  "/v1/estimate": inferNumbers,
  "/v1/tag": inferSpans,
  "/v1/embeddings": inferVectors,
  "/v1/segment": inferMasks,
  "/v1/detect": inferObjects,
};

/** @throws what isn't the request's own, or may be otherwise the next time */
function refusalOf(error: unknown): KilotuneError {
  if (!isCodedError(error) || error.code === "closed") throw error;
  if (error.retryable === true) throw error;
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
