import { KilotuneError, type PromptId, type TaskName, type TenantId } from "@kilotune/contract";
import {
  badField,
  type ClassifyRequest,
  type ClassifyResponse,
  type DetectRequest,
  type DetectResponse,
  type EmbeddingsRequest,
  type EmbeddingsResponse,
  type EstimateRequest,
  type EstimateResponse,
  type ImageInput,
  type SegmentRequest,
  type SegmentResponse,
  type TagRequest,
  type TagResponse,
  type TextOrPair,
} from "@kilotune/contract/wire";
import type { ImageInference, ImageSource, Inference } from "./inference.ts";
import type { Resolved } from "./resolve.ts";

/** A request to a model, wherever it comes from: a call, a line of a batch. */
export interface Question<Request> {
  readonly tenant: TenantId;
  readonly request: Request;
  /** What its `model` stands for. */
  readonly resolved: Resolved;
  /** What its `images` stand for (`openImages`). */
  readonly images?: readonly ImageSource[];
  readonly signal: AbortSignal;
  readonly background?: boolean;
}

export interface Reply<Body> {
  readonly body: Body;
  /** Texts or images answered. */
  readonly rows: number;
  readonly tokens: number;
  readonly images: number;
}

export type InferRequest =
  | ClassifyRequest
  | EstimateRequest
  | TagRequest
  | EmbeddingsRequest
  | SegmentRequest
  | DetectRequest;

/** @throws KilotuneError `unsupported_model`; those of `Inference` */
export async function inferLabels(
  inference: Inference,
  { request, resolved, images = [], ...question }: Question<ClassifyRequest>,
): Promise<Reply<ClassifyResponse>> {
  const { backbone, model } = resolved;
  const { top_k: topK } = request;
  const promptId = promptFor(request.model, resolved, "classification", "multi_label");
  const more = topK === undefined ? {} : { topK };
  if (request.images !== undefined) {
    const asked = imagesOf(inference, request.model, resolved);
    const rows = await asked.classify({ ...question, backbone, promptId, images, ...more });
    const data = rows.map((row, index) => labelled(row, index, false));
    const usage = { ...usageOf(0), images: images.length };
    return {
      body: { object: "list", model, data, usage },
      rows: rows.length,
      tokens: 0,
      images: rows.length,
    };
  }
  if (resolved.input === "image") throw wrongInput(request.model, "images");
  const inputs = inputsOf(request);
  const { rows, tokens } = await inference.classify({ ...question, backbone, promptId, inputs, ...more });
  const data = rows.map((row, index) => labelled(row, index, row.truncated));
  const body = { object: "list" as const, model, data, usage: usageOf(tokens) };
  return { body, rows: rows.length, tokens, images: 0 };
}

/** @throws KilotuneError `unsupported_model`; those of `Inference` */
export async function inferNumbers(
  inference: Inference,
  { request, resolved, images: _, ...question }: Question<EstimateRequest>,
): Promise<Reply<EstimateResponse>> {
  const { backbone, model } = resolved;
  const promptId = promptFor(request.model, resolved, "regression");
  const { rows, tokens } = await inference.estimate({
    ...question,
    backbone,
    promptId,
    inputs: inputsOf(request),
  });
  const data = rows.map(({ value, truncated }, index) => ({ index, value, truncated }));
  const body = { object: "list" as const, model, data, usage: usageOf(tokens) };
  return { body, rows: rows.length, tokens, images: 0 };
}

/** @throws KilotuneError `unsupported_model`; those of `Inference` */
export async function inferSpans(
  inference: Inference,
  { request, resolved, images: _, ...question }: Question<TagRequest>,
): Promise<Reply<TagResponse>> {
  const { backbone, model } = resolved;
  const promptId = promptFor(request.model, resolved, "tagging");
  const inputs = listOf(request.input);
  const { rows, tokens } = await inference.tag({ ...question, backbone, promptId, inputs });
  const data = rows.map(({ spans, truncated }, index) => ({
    index,
    spans: spans.map(({ label, start, end, score }) => {
      const text = (inputs[index] as string).slice(start, end);
      return { label, text, start, end, score };
    }),
    truncated,
  }));
  const body = { object: "list" as const, model, data, usage: usageOf(tokens) };
  return { body, rows: rows.length, tokens, images: 0 };
}

/** @throws KilotuneError `invalid_request` (`dimensions`), `unsupported_model`; those of `Inference` */
export async function inferVectors(
  inference: Inference,
  { request, resolved, images: _, ...question }: Question<EmbeddingsRequest>,
): Promise<Reply<EmbeddingsResponse>> {
  const { backbone, model } = resolved;
  if (resolved.input === "image") throw wrongInput(request.model, "images");
  const { dimensions, encoding_format: format = "float" } = request;
  // A model of another task answers as its backbone does: its prompt isn't made for vectors.
  const { promptId, task } = resolved;
  const tuned = promptId !== null && task === "retrieval" ? { promptId } : {};
  const inputs = listOf(request.input);
  const { rows, tokens } = await inference.embed({ ...question, backbone, inputs, ...tuned });
  refuseDimensions(dimensions, rows[0]?.vector.length);
  const data = rows.map(({ vector, truncated }, index) => ({
    object: "embedding" as const,
    index,
    embedding: format === "float" ? Array.from(vector) : base64(vector),
    truncated,
  }));
  const body = { object: "list" as const, model, data, usage: usageOf(tokens) };
  return { body, rows: rows.length, tokens, images: 0 };
}

/** @throws KilotuneError `unsupported_model`; those of `ImageInference` */
export async function inferMasks(
  inference: Inference,
  { request, resolved, images = [], ...question }: Question<SegmentRequest>,
): Promise<Reply<SegmentResponse>> {
  const { backbone, model } = resolved;
  const promptId = promptFor(request.model, resolved, "segmentation");
  const asked = imagesOf(inference, request.model, resolved);
  const { format = "png" } = request;
  const rows = await asked.segment({ ...question, backbone, promptId, images, format });
  const data = rows.map(({ width, height, classes, mask, segments }, index) => ({
    index,
    width,
    height,
    classes: [...classes],
    ...(mask === undefined ? {} : { mask: Buffer.from(mask).toString("base64") }),
    ...(segments === undefined ? {} : { segments: [...segments] }),
  }));
  const body = { object: "list" as const, model, data, usage: { images: rows.length } };
  return { body, rows: rows.length, tokens: 0, images: rows.length };
}

/** @throws KilotuneError `unsupported_model`; those of `ImageInference` */
export async function inferObjects(
  inference: Inference,
  { request, resolved, images = [], ...question }: Question<DetectRequest>,
): Promise<Reply<DetectResponse>> {
  const { backbone, model } = resolved;
  const promptId = promptFor(request.model, resolved, "detection");
  const asked = imagesOf(inference, request.model, resolved);
  const { threshold, max_objects: maxObjects = 100 } = request;
  const least = threshold === undefined ? {} : { threshold };
  const rows = await asked.detect({ ...question, backbone, promptId, images, maxObjects, ...least });
  const data = rows.map(({ width, height, objects }, index) => ({
    index,
    width,
    height,
    objects: objects.map(({ label, score, box: [xmin, ymin, xmax, ymax] }) => ({
      label,
      score,
      box: [xmin, ymin, xmax, ymax] as [number, number, number, number],
    })),
  }));
  const body = { object: "list" as const, model, data, usage: { images: rows.length } };
  return { body, rows: rows.length, tokens: 0, images: rows.length };
}

export function inputsOf({
  input = [],
}: ClassifyRequest | EstimateRequest | TagRequest | EmbeddingsRequest): readonly TextOrPair[] {
  return Array.isArray(input) ? input : [input];
}

/** What a request names as images. */
export function imagesAsked(request: InferRequest): readonly ImageInput[] {
  return ("images" in request ? request.images : undefined) ?? [];
}

function listOf(input: string | readonly string[]): readonly string[] {
  return typeof input === "string" ? [input] : input;
}

interface Scored {
  readonly label: string;
  readonly score: number;
  readonly scores: readonly { readonly label: string; readonly score: number }[];
  readonly labels?: readonly { readonly label: string; readonly score: number }[];
  readonly outOfScope?: boolean;
}

function labelled({ label, score, scores, labels, outOfScope }: Scored, index: number, truncated: boolean) {
  // Not a literal's key: a class may be named `__proto__`.
  const all = Object.fromEntries(scores.map((each) => [each.label, each.score]));
  return {
    index,
    label,
    score,
    scores: all,
    ...(labels && { labels: [...labels] }),
    ...(outOfScope === undefined ? {} : { out_of_scope: outOfScope }),
    truncated,
  };
}

function usageOf(tokens: number) {
  return { prompt_tokens: tokens, total_tokens: tokens };
}

/** Of a model that was tuned for this. */
function promptFor(
  name: string,
  { promptId, task }: Resolved,
  ...wanted: readonly [TaskName, ...TaskName[]]
): PromptId {
  if (promptId === null) throw notTuned(name);
  if (!wanted.includes(task as TaskName)) throw otherTask(name, task as TaskName, wanted);
  return promptId;
}

function imagesOf(inference: Inference, name: string, { input }: Resolved): ImageInference {
  if (input !== "image") throw wrongInput(name, "texts");
  if (inference.images !== undefined) return inference.images;
  throw new KilotuneError("not_implemented", "This server answers no images.", "", { kind: "machine" });
}

function notTuned(model: string): KilotuneError {
  return new KilotuneError(
    "unsupported_model",
    `\`${model}\` is a backbone: it knows no labels.`,
    "Tune it to a file first (POST /v1/fine_tuning/jobs), and ask the model that comes of it.",
    { param: "model" },
  );
}

function otherTask(model: string, task: TaskName, wanted: readonly TaskName[]): KilotuneError {
  return new KilotuneError(
    "unsupported_model",
    `\`${model}\` was tuned for ${task}: this call is for models of ${wanted.join(" or ")}.`,
    ROUTES[task],
    { param: "model" },
  );
}

function wrongInput(model: string, reads: "texts" | "images"): KilotuneError {
  return new KilotuneError(
    "unsupported_model",
    `\`${model}\` reads ${reads}.`,
    reads === "texts" ? "Send texts in `input`." : "Send `images`.",
    { param: "model" },
  );
}

const ROUTES: Readonly<Record<TaskName, string>> = {
  classification: "Ask it by POST /v1/classify.",
  multi_label: "Ask it by POST /v1/classify.",
  regression: "Ask it by POST /v1/estimate.",
  retrieval: "Ask it by POST /v1/embeddings.",
  tagging: "Ask it by POST /v1/tag.",
  segmentation: "Ask it by POST /v1/segment.",
  detection: "Ask it by POST /v1/detect.",
};

/** Cutting a vector short would give other numbers than the model's: refused, not done badly. */
function refuseDimensions(asked: number | undefined, size: number | undefined): void {
  if (asked === undefined || asked === size) return;
  throw badField("dimensions", `this model's vectors have ${size ?? "a fixed number of"} dimensions`);
}

/** Little-endian float32, as OpenAI's clients read them; so are all machines that Node runs on. */
function base64(vector: Float32Array): string {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString("base64");
}
