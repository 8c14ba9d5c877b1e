import { createRoute } from "@hono/zod-openapi";
import {
  ClassifyRequest,
  ClassifyResponse,
  DetectRequest,
  DetectResponse,
  EmbeddingsRequest,
  EmbeddingsResponse,
  EstimateRequest,
  EstimateResponse,
  SegmentRequest,
  SegmentResponse,
  TagRequest,
  TagResponse,
} from "@kilotune/contract/wire";
import {
  inferLabels,
  inferMasks,
  inferNumbers,
  inferObjects,
  inferSpans,
  inferVectors,
} from "@kilotune/service";
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
      summary: "Labels for texts or images, by a tuned model",
      request: json(ClassifyRequest),
      responses: answers("A row for each text or image, in order", ClassifyResponse),
    }),
    async (c) => c.json(await infer(c, "classify", c.req.valid("json"), inferLabels), 200),
  );

  routes.openapi(
    createRoute({
      ...sends("infer", { tokens: true }),
      tags,
      method: "post",
      path: "/v1/estimate",
      summary: "A number for each text, by a model tuned for regression",
      request: json(EstimateRequest),
      responses: answers("A number for each text, in order", EstimateResponse),
    }),
    async (c) => c.json(await infer(c, "estimate", c.req.valid("json"), inferNumbers), 200),
  );

  routes.openapi(
    createRoute({
      ...sends("infer", { tokens: true }),
      tags,
      method: "post",
      path: "/v1/tag",
      summary: "Named spans in texts, by a model tuned for tagging",
      request: json(TagRequest),
      responses: answers("The spans of each text, in order, as places in the text as given", TagResponse),
    }),
    async (c) => c.json(await infer(c, "tag", c.req.valid("json"), inferSpans), 200),
  );

  routes.openapi(
    createRoute({
      ...sends("infer", { tokens: true }),
      tags,
      method: "post",
      path: "/v1/embeddings",
      summary: "Sentence vectors of length one, by a backbone or a model tuned for retrieval",
      request: json(EmbeddingsRequest),
      responses: answers("A vector for each text, in order", EmbeddingsResponse),
    }),
    async (c) => c.json(await infer(c, "embed", c.req.valid("json"), inferVectors), 200),
  );

  routes.openapi(
    createRoute({
      ...sends("infer", { tokens: true }),
      tags,
      method: "post",
      path: "/v1/segment",
      summary: "A class for each pixel of images, by a tuned model",
      request: json(SegmentRequest),
      responses: answers("A mask for each image, in order, at the upright original's size", SegmentResponse),
    }),
    async (c) => c.json(await infer(c, "segment", c.req.valid("json"), inferMasks), 200),
  );

  routes.openapi(
    createRoute({
      ...sends("infer", { tokens: true }),
      tags,
      method: "post",
      path: "/v1/detect",
      summary: "Objects in images, by a tuned model",
      request: json(DetectRequest),
      responses: answers("Boxes for each image, in order, in pixels of the upright original", DetectResponse),
    }),
    async (c) => c.json(await infer(c, "detect", c.req.valid("json"), inferObjects), 200),
  );

  return routes;
}
