import { createRoute } from "@hono/zod-openapi";
import { KilotuneError } from "@kilotune/contract";
import {
  ClassifyRequest,
  ClassifyResponse,
  EmbeddingsRequest,
  EmbeddingsResponse,
} from "@kilotune/contract/wire";
import { answers, json, sends } from "../declare.ts";
import { newRoutes } from "../env.ts";
import { badField } from "../errors/invalid-field.ts";
import { infer } from "../infer.ts";

const tags = ["Inference"];

export function inferenceRoutes() {
  const routes = newRoutes();

  routes.openapi(
    createRoute({
      ...sends("infer", { tokens: true }),
      tags,
      method: "post",
      path: "/v1/classify",
      summary: "Labels for texts, by a tuned model",
      request: json(ClassifyRequest),
      responses: answers("A row for each text, in order", ClassifyResponse),
    }),
    async (c) => {
      const { top_k: topK, ...request } = c.req.valid("json");
      const { answer, model } = await infer(c, "classify", request, (call, { promptId }) => {
        if (promptId === null) throw notTuned(request.model);
        return c.var.deps.inference.classify({ ...call, promptId, ...(topK === undefined ? {} : { topK }) });
      });
      const data = answer.rows.map(({ label, score, scores, truncated }, index) => ({
        index,
        label,
        score,
        // Not a literal's key: a class may be named `__proto__`.
        scores: Object.fromEntries(scores.map((each) => [each.label, each.score])),
        truncated,
      }));
      return c.json({ object: "list" as const, model, data, usage: usage(answer.tokens) }, 200);
    },
  );

  routes.openapi(
    createRoute({
      ...sends("infer", { tokens: true }),
      tags,
      method: "post",
      path: "/v1/embeddings",
      summary: "Sentence vectors of length one, by a backbone",
      request: json(EmbeddingsRequest),
      responses: answers("A vector for each text, in order", EmbeddingsResponse),
    }),
    async (c) => {
      const { dimensions, encoding_format: format = "float", ...request } = c.req.valid("json");
      const { answer, model } = await infer(c, "embed", request, (call, { backbone }) => {
        refuseDimensions(dimensions, c.var.deps.backbones.find(({ id }) => id === backbone)?.hidden_size);
        return c.var.deps.inference.embed(call);
      });
      const data = answer.rows.map(({ vector, truncated }, index) => ({
        object: "embedding" as const,
        index,
        embedding: format === "float" ? Array.from(vector) : base64(vector),
        truncated,
      }));
      return c.json({ object: "list" as const, model, data, usage: usage(answer.tokens) }, 200);
    },
  );

  return routes;
}

function usage(tokens: number) {
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
