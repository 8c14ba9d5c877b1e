import { createRoute } from "@hono/zod-openapi";
import { BatchCreate, BatchObject, BatchPage, PageQuery } from "@kilotune/contract/wire";
import { answers, ById, calls, json, sends } from "../declare.ts";
import { newRoutes } from "../env.ts";
import { pageQuery, pageView } from "../views/page.ts";

const tags = ["Batches"];

export function batchRoutes() {
  const routes = newRoutes();

  routes.openapi(
    createRoute({
      ...sends("infer"),
      tags,
      method: "post",
      path: "/v1/batches",
      summary: "Answer a file of requests offline",
      request: json(BatchCreate),
      responses: answers("The batch, waiting", BatchObject),
    }),
    async (c) => c.json(await c.var.deps.batches.create(c.var.tenant, c.req.valid("json")), 200),
  );

  routes.openapi(
    createRoute({
      ...calls("read"),
      tags,
      method: "get",
      path: "/v1/batches",
      summary: "List batches, the newest first",
      request: { query: PageQuery },
      responses: answers("A page of batches", BatchPage),
    }),
    async (c) => {
      const page = await c.var.deps.batches.list(c.var.tenant, pageQuery(c.req.valid("query")));
      return c.json(
        pageView(page, (batch) => batch),
        200,
      );
    },
  );

  routes.openapi(
    createRoute({
      ...calls("read"),
      tags,
      method: "get",
      path: "/v1/batches/{id}",
      summary: "Get a batch",
      request: { params: ById },
      responses: answers("The batch", BatchObject),
    }),
    async (c) => c.json(await c.var.deps.batches.get(c.var.tenant, c.req.valid("param").id), 200),
  );

  routes.openapi(
    createRoute({
      ...calls("infer"),
      tags,
      method: "post",
      path: "/v1/batches/{id}/cancel",
      summary: "Stop a batch; what is answered stays",
      request: { params: ById },
      responses: answers("The batch as it is now", BatchObject),
    }),
    async (c) => c.json(await c.var.deps.batches.cancel(c.var.tenant, c.req.valid("param").id), 200),
  );

  return routes;
}
