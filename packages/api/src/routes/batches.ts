import { createRoute } from "@hono/zod-openapi";
import { BatchCreate, BatchObject, BatchPage, PageQuery } from "@kilotune/contract/wire";
import { cancelBatch, createBatch, getBatch, listBatches } from "@kilotune/service";
import { answers, ById, calls, json, sends } from "../declare.ts";
import { newRoutes } from "../env.ts";
import { repeatOf } from "../idempotency.ts";
import { batchRequest, batchView } from "../views/batch.ts";
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
      summary: "Answer a file of requests offline, within a day; the same call again is the same batch",
      request: json(BatchCreate),
      responses: answers("The batch, waiting", BatchObject),
    }),
    async (c) => {
      const body = c.req.valid("json");
      const { service, tenant } = c.var;
      return c.json(
        batchView(await createBatch(service, tenant, batchRequest(body), repeatOf(c, body))),
        200,
      );
    },
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
      const page = await listBatches(c.var.service, c.var.tenant, pageQuery(c.req.valid("query")));
      return c.json(pageView(page, batchView), 200);
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
    async (c) => {
      const { service, tenant } = c.var;
      return c.json(batchView(await getBatch(service, tenant, c.req.valid("param").id)), 200);
    },
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
    async (c) => {
      const { service, tenant } = c.var;
      return c.json(batchView(await cancelBatch(service, tenant, c.req.valid("param").id)), 200);
    },
  );

  return routes;
}
