import { createRoute } from "@hono/zod-openapi";
import { PromptList } from "@kilotune/contract/wire";
import { openPrompt } from "@kilotune/service";
import { allModels } from "../all-models.ts";
import { answers, ById, calls, download } from "../declare.ts";
import { newRoutes } from "../env.ts";
import { sendFile } from "../send-file.ts";

const tags = ["Prompts"];

export function promptRoutes() {
  const routes = newRoutes();

  routes.openapi(
    createRoute({
      ...calls("read"),
      tags,
      method: "get",
      path: "/v1/prompts",
      summary: "List the files behind your tuned models",
      responses: answers("All of them", PromptList),
    }),
    async (c) => {
      const models = await allModels(c.var.service, c.var.tenant);
      const data = models.map(({ name, backbone, promptId, sizeBytes, createdAt }) => ({
        id: promptId,
        object: "prompt" as const,
        created_at: createdAt,
        model: name,
        backbone,
        bytes: sizeBytes,
      }));
      return c.json({ object: "list" as const, data }, 200);
    },
  );

  routes.openapi(
    createRoute({
      ...calls("read"),
      tags,
      method: "get",
      path: "/v1/prompts/{id}/content",
      summary: "Download a prompt (safetensors), to run it elsewhere; its id is its SHA-256",
      request: { params: ById },
      responses: download("application/octet-stream"),
    }),
    async (c) => {
      const { id } = c.req.valid("param");
      const { size, chunks } = await openPrompt(c.var.service, c.var.tenant, id);
      return sendFile(c, { name: `${id}.safetensors`, sizeBytes: size, chunks });
    },
  );

  return routes;
}
