import { KilotuneError, type TenantId } from "@kilotune/contract";
import {
  badField,
  type ClassifyRequest,
  type ClassifyResponse,
  type EmbeddingsRequest,
  type EmbeddingsResponse,
} from "@kilotune/contract/wire";
import type { Inference } from "./inference.ts";
import type { Resolved } from "./resolve.ts";

/** A request to a model, wherever it comes from: a call, a line of a batch. */
export interface Question<Request> {
  readonly tenant: TenantId;
  readonly request: Request;
  /** What its `model` stands for. */
  readonly resolved: Resolved;
  readonly signal: AbortSignal;
  readonly background?: boolean;
}

export interface Reply<Body> {
  readonly body: Body;
  /** Texts answered. */
  readonly rows: number;
  readonly tokens: number;
}

/** @throws KilotuneError `unsupported_model`; those of `Inference` */
export async function inferLabels(
  inference: Inference,
  { request, resolved, ...question }: Question<ClassifyRequest>,
): Promise<Reply<ClassifyResponse>> {
  const { backbone, model, promptId } = resolved;
  if (promptId === null) throw notTuned(request.model);
  const { top_k: topK } = request;
  const { rows, tokens } = await inference.classify({
    ...question,
    backbone,
    promptId,
    inputs: inputsOf(request),
    ...(topK === undefined ? {} : { topK }),
  });
  const data = rows.map(({ label, score, scores, truncated }, index) => ({
    index,
    label,
    score,
    // Not a literal's key: a class may be named `__proto__`.
    scores: Object.fromEntries(scores.map((each) => [each.label, each.score])),
    truncated,
  }));
  return { body: { object: "list", model, data, usage: usageOf(tokens) }, rows: rows.length, tokens };
}

/** @throws KilotuneError `invalid_request` (`dimensions`); those of `Inference` */
export async function inferVectors(
  inference: Inference,
  { request, resolved, ...question }: Question<EmbeddingsRequest>,
): Promise<Reply<EmbeddingsResponse>> {
  const { backbone, model } = resolved;
  const { dimensions, encoding_format: format = "float" } = request;
  const { rows, tokens } = await inference.embed({ ...question, backbone, inputs: inputsOf(request) });
  refuseDimensions(dimensions, rows[0]?.vector.length);
  const data = rows.map(({ vector, truncated }, index) => ({
    object: "embedding" as const,
    index,
    embedding: format === "float" ? Array.from(vector) : base64(vector),
    truncated,
  }));
  return { body: { object: "list", model, data, usage: usageOf(tokens) }, rows: rows.length, tokens };
}

export function inputsOf({ input }: ClassifyRequest | EmbeddingsRequest): readonly string[] {
  return typeof input === "string" ? [input] : input;
}

function usageOf(tokens: number) {
  return { prompt_tokens: tokens, total_tokens: tokens };
}

function notTuned(model: string): KilotuneError {
  return new KilotuneError(
    "unsupported_model",
    `\`${model}\` is a backbone: it knows no labels.`,
    "Tune it to a file first (POST /v1/fine_tuning/jobs), and ask the model that comes of it.",
    { param: "model" },
  );
}

/** Cutting a vector short would give other numbers than the model's: refused, not done badly. */
function refuseDimensions(asked: number | undefined, size: number | undefined): void {
  if (asked === undefined || asked === size) return;
  throw badField("dimensions", `this model's vectors have ${size ?? "a fixed number of"} dimensions`);
}

/** Little-endian float32, as OpenAI's clients read them; so are all machines that Node runs on. */
function base64(vector: Float32Array): string {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString("base64");
}
