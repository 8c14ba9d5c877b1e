import { createRoute } from "@hono/zod-openapi";
import { ModelDeleted, ModelList, ModelObject } from "@kilotune/contract/wire";
import { type Backbone, deleteModel, getModel, methodsOf, type TunedModel } from "@kilotune/service";
import { z } from "zod";
import { allModels } from "../all-models.ts";
import { answers, calls } from "../declare.ts";
import { newRoutes } from "../env.ts";

const tags = ["Models"];
const ByName = z.object({ model: z.string() });

export function modelRoutes() {
  const routes = newRoutes();

  routes.openapi(
    createRoute({
      ...calls("read"),
      tags,
      method: "get",
      path: "/v1/models",
      summary: "List the shared backbones and your tuned models",
      responses: answers("All of them", ModelList),
    }),
    async (c) => {
      const { service, tenant } = c.var;
      const tuned = (await allModels(service, tenant)).map((model) => tunedView(model, tenant));
      const shared = [...service.backbones.values()].map(backboneView);
      return c.json({ object: "list" as const, data: [...shared, ...tuned] }, 200);
    },
  );

  routes.openapi(
    createRoute({
      ...calls("read"),
      tags,
      method: "get",
      path: "/v1/models/{model}",
      summary: "Get a backbone, a tuned model or a checkpoint",
      request: { params: ByName },
      responses: answers("The model", ModelObject),
    }),
    async (c) => {
      const { service, tenant } = c.var;
      const { model } = c.req.valid("param");
      const shared = service.backbones.get(model);
      if (shared !== undefined) return c.json(backboneView(shared), 200);
      return c.json(tunedView(await getModel(service, tenant, model), tenant), 200);
    },
  );

  routes.openapi(
    createRoute({
      ...calls("manage"),
      tags,
      method: "delete",
      path: "/v1/models/{model}",
      summary: "Delete a tuned model and, with the last that uses it, its prompt",
      request: { params: ByName },
      responses: answers("It is gone", ModelDeleted),
    }),
    async (c) => {
      const { model } = c.req.valid("param");
      await deleteModel(c.var.service, c.var.tenant, model);
      return c.json({ id: model, object: "model" as const, deleted: true as const }, 200);
    },
  );

  return routes;
}

function backboneView(backbone: Backbone): ModelObject {
  const { id, createdAt } = backbone;
  return { id, object: "model", created: createdAt, owned_by: "kilotune", methods: [...methodsOf(backbone)] };
}

function tunedView({ name, createdAt }: TunedModel, tenant: string): ModelObject {
  return { id: name, object: "model", created: createdAt, owned_by: tenant };
}
