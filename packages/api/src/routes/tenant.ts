import { createRoute } from "@hono/zod-openapi";
import {
  NewWebhook,
  TenantDeleted,
  TenantObject,
  WebhookDeleted,
  WebhookObject,
  WebhookPut,
} from "@kilotune/contract/wire";
import {
  eraseTenant,
  exportTenant,
  getTenant,
  getWebhook,
  removeWebhook,
  setWebhook,
} from "@kilotune/service";
import { tar } from "../body/tar.ts";
import { answers, calls, download, json, sends } from "../declare.ts";
import { newRoutes } from "../env.ts";
import { sendFile } from "../send-file.ts";
import { tenantView } from "../views/tenant.ts";
import { keyRoutes } from "./keys.ts";

const tags = ["Tenant"];

/** What a tenant sees to by itself. */
export function tenantRoutes() {
  const routes = newRoutes();

  routes.openapi(
    createRoute({
      ...calls("read"),
      tags,
      method: "get",
      path: "/v1/tenant",
      summary: "Your plan and its limits",
      responses: answers("The tenant whose key this is", TenantObject),
    }),
    async (c) => c.json(tenantView(await getTenant(c.var.service, c.var.tenant)), 200),
  );

  routes.openapi(
    createRoute({
      ...calls("manage"),
      tags,
      method: "delete",
      path: "/v1/tenant",
      summary: "Erase everything you have here, keys included; it can't be taken back",
      responses: answers("It is gone", TenantDeleted),
    }),
    async (c) => {
      const { tenant, service, deps, requestId } = c.var;
      const erased = await eraseTenant(service, tenant, () => deps.underway.quiet(tenant, requestId));
      deps.inference.forget?.(tenant);
      return c.json({ id: tenant, object: "tenant" as const, deleted: true as const, ...erased }, 200);
    },
  );

  routes.openapi(
    createRoute({
      ...calls("manage"),
      tags,
      method: "get",
      path: "/v1/export",
      summary:
        "Everything you have here as one archive (tar): records as JSONL without secrets, files as they are",
      responses: download("application/x-tar"),
    }),
    (c) => {
      const now = Math.floor(c.var.service.clock.now().getTime() / 1000);
      const chunks = tar(exportTenant(c.var.service, c.var.tenant), now);
      return sendFile(c, { name: "kilotune-export.tar", type: "application/x-tar", chunks });
    },
  );

  routes.openapi(
    createRoute({
      ...calls("manage"),
      tags,
      method: "get",
      path: "/v1/webhook",
      summary: "Where a job's end is told",
      responses: answers("The webhook", WebhookObject),
    }),
    async (c) => {
      const { url, createdAt } = await getWebhook(c.var.service, c.var.tenant);
      return c.json({ object: "webhook" as const, url, created_at: createdAt }, 200);
    },
  );

  routes.openapi(
    createRoute({
      ...sends("manage"),
      tags,
      method: "put",
      path: "/v1/webhook",
      summary: "Have a job's end told to a URL, signed in Standard Webhooks form",
      request: json(WebhookPut),
      responses: answers("The webhook and its secret", NewWebhook),
    }),
    async (c) => {
      const { endpoint, secret } = await setWebhook(c.var.service, c.var.tenant, c.req.valid("json").url);
      const { url, createdAt } = endpoint;
      return c.json({ object: "webhook" as const, url, created_at: createdAt, secret }, 200);
    },
  );

  routes.openapi(
    createRoute({
      ...calls("manage"),
      tags,
      method: "delete",
      path: "/v1/webhook",
      summary: "Tell nobody any more",
      responses: answers("It is gone", WebhookDeleted),
    }),
    async (c) => {
      await removeWebhook(c.var.service, c.var.tenant);
      return c.json({ object: "webhook" as const, deleted: true as const }, 200);
    },
  );

  const ring = { path: "/v1/keys", tag: "Tenant", scope: "manage" as const, params: {} };
  routes.route("/", keyRoutes({ ...ring, tenantOf: async (c) => c.var.tenant }));
  return routes;
}
