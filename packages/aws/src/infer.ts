import { KilotuneError } from "@kilotune/contract";
import type { Service } from "@kilotune/service";
import { acceptPrompt, createPredictor, type Prediction, type Predictor } from "@kilotune/serving";
import type { Backbone } from "@kilotune/backbone";
import { type Classified, type InferAnswer, InferRequest, refusalOf } from "./infer-wire.ts";
import { logFault, logLine } from "./observe.ts";
import type { PromptFiles } from "./prompt-files.ts";
import { promptSource, refOf } from "./prompt-source.ts";

export interface InferOptions {
  readonly service: Pick<Service, "blobs" | "clock">;
  readonly backbone: Backbone;
  readonly files: PromptFiles;
  /** Of prompts in memory. */
  readonly cacheBytes: number;
}

/** What `infer` does with an event: texts to answers, errors as data. It never throws. */
export async function inferring({ service, backbone, files, cacheBytes }: InferOptions) {
  const loadPrompt = promptSource(service, files);
  const predictor = await createPredictor({ backbone, loadPrompt, cacheBytes });
  let keptSince = service.clock.now().getTime();

  /** Of a tenant that was erased nothing is kept for longer. Others' prompts are a GET away. */
  const forget = async () => {
    const now = service.clock.now().getTime();
    if (now - keptSince < KEPT_MS) return;
    keptSince = now;
    predictor.forget(() => true);
    await files.clear();
  };

  return async (event: unknown): Promise<InferAnswer> => {
    const startedMs = performance.now();
    try {
      const request = parsed(event);
      await forget();
      if (request.task === "accept") return await accepted(backbone, request.file);
      const answer = await answerTo(predictor, request);
      const { task, tenant, inputs } = request;
      logLine("inference", { task, tenant, rows: inputs.length, ms: performance.now() - startedMs });
      return bounded(answer);
    } catch (error) {
      const answer = refusalOf(error);
      if ("error" in answer && isOperators(event, answer.error)) logFault(error);
      return answer;
    }
  };
}

/** What the caller can do nothing about. Stored prompts are of this backbone, unless another was deployed under its name. */
function isOperators(
  event: unknown,
  { kind, code }: { readonly kind: string; readonly code: string },
): boolean {
  const isImport = (event as { task?: unknown } | null)?.task === "accept";
  return kind === "machine" || (code === "backbone_mismatch" && !isImport);
}

async function accepted({ manifest }: Backbone, file: string): Promise<InferAnswer> {
  const { sha256, backbone, task } = await acceptPrompt(Buffer.from(file, "base64"), [manifest]);
  return { accepted: { sha256, backbone, task } };
}

async function answerTo(
  predictor: Predictor,
  request: Exclude<InferRequest, { task: "accept" }>,
): Promise<InferAnswer> {
  if (request.task === "embed") {
    const { tenant, promptId, inputs } = request;
    const rows = await predictor.embed(
      inputs,
      promptId === undefined ? {} : { prompt: refOf(tenant, promptId) },
    );
    return {
      embedded: {
        rows: rows.map(({ vector, truncated }) => ({ vector: base64(vector), truncated })),
        tokens: tokensOf(rows),
      },
    };
  }
  const { tenant, promptId, inputs } = request;
  const prompt = refOf(tenant, promptId);
  const requests = inputs.map((input) =>
    typeof input === "string"
      ? { text: input, prompt }
      : { text: input.text, textPair: input.text_pair, prompt },
  );
  if (request.task === "estimate") {
    const rows = await predictor.estimate(requests);
    const told = rows.map(({ value, truncated }) => ({ value, truncated }));
    return { estimated: { rows: told, tokens: tokensOf(rows) } };
  }
  const { topK } = request;
  const rows = await predictor.classify(requests, topK === undefined ? {} : { topK });
  const places = new Map<string, number>();
  const placeOf = (label: string) => {
    const place = places.get(label) ?? places.size;
    places.set(label, place);
    return place;
  };
  const placed = ({ label, score }: Prediction["scores"][number]): [number, number] => [
    placeOf(label),
    score,
  ];
  const compact = rows.map(({ scores, labels, outOfScope, truncated }) => ({
    scores: scores.map(placed),
    ...(labels && { given: labels.map(placed) }),
    ...(outOfScope === undefined ? {} : { outOfScope }),
    truncated,
  }));
  const classified: Classified = { labels: [...places.keys()], rows: compact, tokens: tokensOf(rows) };
  return { classified };
}

function parsed(event: unknown): InferRequest {
  const { data, error } = InferRequest.safeParse(event);
  if (data !== undefined) return data;
  // What is wrong is told by its place alone: the value may be a text.
  const places = error.issues.map(({ path }) => path.join(".") || "the event").join(", ");
  throw new KilotuneError(
    "bad_event",
    `expected {task, tenant, inputs, ..}, saw another ${places}`,
    "It is `api` and `batch` that call this function.",
    { kind: "machine" },
  );
}

/** Lambda would cut it off, and say so in words of its own. */
function bounded(answer: InferAnswer): InferAnswer {
  // A base64 or a number is a letter a byte; labels may take up to three.
  const labels = "classified" in answer ? answer.classified.labels.join("").length * 3 : 0;
  if (JSON.stringify(answer).length + labels <= ANSWER_BYTES) return answer;
  throw new KilotuneError(
    "answer_too_large",
    "The scores of all labels for all these texts are more than 6 MB.",
    "Ask for fewer with `top_k`, or send fewer texts at once.",
  );
}

function base64(vector: Float32Array): string {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString("base64");
}

function tokensOf(rows: readonly { readonly tokens: number }[]): number {
  return rows.reduce((sum, { tokens }) => sum + tokens, 0);
}

const KEPT_MS = 3_600_000;
const ANSWER_BYTES = 6_000_000;
