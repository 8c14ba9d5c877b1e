import { createRoute } from "@hono/zod-openapi";
import { PLATFORM } from "@kilotune/contract";
import {
  AuditPage,
  AuditQuery,
  BackboneList,
  PageQuery,
  TenantCreate,
  TenantCreated,
  TenantDeleted,
  TenantObject,
  TenantPage,
  TenantUpdate,
} from "@kilotune/contract/wire";
import {
  createKey,
  createTenant,
  eraseTenant,
  getTenant,
  listAudit,
  listTenants,
  updateTenant,
} from "@kilotune/service";
import type { Context } from "hono";
import { z } from "zod";
import { answers, calls, created, json, sends } from "../declare.ts";
import { type Env, newRoutes } from "../env.ts";
import { secretRepeatOf } from "../idempotency.ts";
import { pageQuery, pageView } from "../views/page.ts";
import { auditView, newKeyView, overrides, tenantView } from "../views/tenant.ts";
import { keyRoutes } from "./keys.ts";

const tags = ["Administration"];
const ByTenant = z.object({ tenant: z.string() });

/** For the platform's own keys alone: no tenant's key has the scope `admin`. */
export function adminRoutes() {
  const routes = newRoutes();

  routes.openapi(
    createRoute({
      ...sends("admin"),
      tags,
      method: "post",
      path: "/admin/tenants",
      summary:
        "Make a tenant and its first key, whose secret is shown this once. The same call again is told which tenant it made",
      request: json(TenantCreate),
      responses: created("The tenant and its key", TenantCreated),
    }),
    async (c) => {
      const body = c.req.valid("json");
      const { name, plan, limits } = body;
      const request = {
        name,
        ...(plan === undefined ? {} : { plan }),
        ...(limits === undefined ? {} : { overrides: overrides(limits) }),
      };
      const tenant = await createTenant(c.var.service, request, secretRepeatOf(c, body));
      const key = await createKey(c.var.service, tenant.id);
      return c.json({ tenant: tenantView(tenant), key: newKeyView(key) }, 201);
    },
  );

  routes.openapi(
    createRoute({
      ...calls("admin"),
      tags,
      method: "get",
      path: "/admin/tenants",
      summary: "List tenants",
      request: { query: PageQuery },
      responses: answers("A page of tenants", TenantPage),
    }),
    async (c) => {
      const page = await listTenants(c.var.service, pageQuery(c.req.valid("query")));
      return c.json(pageView(page, tenantView), 200);
    },
  );

  routes.openapi(
    createRoute({
      ...calls("admin"),
      tags,
      method: "get",
      path: "/admin/tenants/{tenant}",
      summary: "Get a tenant",
      request: { params: ByTenant },
      responses: answers("The tenant", TenantObject),
    }),
    async (c) => c.json(tenantView(await getTenant(c.var.service, c.req.valid("param").tenant)), 200),
  );

  routes.openapi(
    createRoute({
      ...sends("admin"),
      tags,
      method: "patch",
      path: "/admin/tenants/{tenant}",
      summary: "Change name, plan or limits, or suspend and readmit",
      request: { params: ByTenant, ...json(TenantUpdate) },
      responses: answers("The tenant as it is now", TenantObject),
    }),
    async (c) => {
      const { name, plan, limits, status } = c.req.valid("json");
      const tenant = await updateTenant(c.var.service, c.req.valid("param").tenant, {
        ...(name === undefined ? {} : { name }),
        ...(plan === undefined ? {} : { plan }),
        ...(limits === undefined ? {} : { overrides: overrides(limits) }),
        ...(status === undefined ? {} : { status }),
      });
      return c.json(tenantView(tenant), 200);
    },
  );

  routes.openapi(
    createRoute({
      ...calls("admin"),
      tags,
      method: "delete",
      path: "/admin/tenants/{tenant}",
      summary: "Erase a tenant: its records, files, models and keys; it can't be taken back",
      request: { params: ByTenant },
      responses: answers("It is gone", TenantDeleted),
    }),
    async (c) => {
      const { service, deps, requestId } = c.var;
      const { id } = await getTenant(service, c.req.valid("param").tenant);
      const erased = await eraseTenant(service, id, () => deps.underway.quiet(id, requestId));
      deps.inference.forget?.(id);
      return c.json({ id, object: "tenant" as const, deleted: true as const, ...erased }, 200);
    },
  );

  routes.openapi(
    createRoute({
      ...calls("admin"),
      tags,
      method: "get",
      path: "/admin/backbones",
      summary: "The models that this server has, and what each can do",
      responses: answers("All of them", BackboneList),
    }),
    (c) => c.json({ object: "list" as const, data: [...c.var.deps.backbones] }, 200),
  );

  routes.openapi(
    createRoute({
      ...calls("admin"),
      tags,
      method: "get",
      path: "/admin/audit",
      summary: "Who did what, the newest first: of the platform, or of a tenant",
      request: { query: AuditQuery },
      responses: answers("A page of the log", AuditPage),
    }),
    async (c) => {
      const { tenant, ...page } = c.req.valid("query");
      const whose = tenant === undefined ? PLATFORM : (await getTenant(c.var.service, tenant)).id;
      return c.json(pageView(await listAudit(c.var.service, whose, pageQuery(page)), auditView), 200);
    },
  );

  const params = { tenant: z.string() };
  const ring = {
    path: "/admin/tenants/{tenant}/keys",
    tag: "Administration",
    scope: "admin" as const,
    params,
  };
  const tenantOf = async (c: Context<Env>) =>
    (await getTenant(c.var.service, c.req.param("tenant") ?? "")).id;
  routes.route("/", keyRoutes({ ...ring, tenantOf }));
  return routes;
}
