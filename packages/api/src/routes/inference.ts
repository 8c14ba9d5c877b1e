import { createRoute } from "@hono/zod-openapi";
import {
  ClassifyRequest,
  ClassifyResponse,
  EmbeddingsRequest,
  EmbeddingsResponse,
} from "@kilotune/contract/wire";
import { inferLabels, inferVectors } from "@kilotune/service";
import { answers, json, sends } from "../declare.ts";
import { newRoutes } from "../env.ts";
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
    async (c) => c.json(await infer(c, "classify", c.req.valid("json"), inferLabels), 200),
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
    async (c) => c.json(await infer(c, "embed", c.req.valid("json"), inferVectors), 200),
  );

  return routes;
}
