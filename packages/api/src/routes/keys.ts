import { createRoute } from "@hono/zod-openapi";
import type { TenantId } from "@kilotune/contract";
import { KeyCreate, KeyObject, KeyPage, KeyRotate, NewKey, PageQuery } from "@kilotune/contract/wire";
import { createKey, listKeys, revokeKey, rotateKey, type Scope } from "@kilotune/service";
import type { Context } from "hono";
import { z } from "zod";
import { answers, calls, json, sends } from "../declare.ts";
import { type Env, newRoutes } from "../env.ts";
import { secretRepeatOf } from "../idempotency.ts";
import { pageQuery, pageView } from "../views/page.ts";
import { keyView, newKeyView } from "../views/tenant.ts";

/** Whose keys a folder of routes is about, and who may see to them. */
export interface KeyRing<Params extends z.ZodRawShape> {
  readonly path: string;
  readonly tag: string;
  readonly scope: Scope;
  readonly params: Params;
  /** @throws KilotuneError `not_found` */
  readonly tenantOf: (c: Context<Env>) => Promise<TenantId>;
}

/** The keys of a tenant, for itself (`/v1/keys`) and for the platform (`/admin/tenants/{tenant}/keys`). */
export function keyRoutes<Params extends z.ZodRawShape>(ring: KeyRing<Params>) {
  const { path, scope, tenantOf } = ring;
  const tags = [ring.tag];
  const routes = newRoutes();
  const here = z.object(ring.params);
  const one = z.object({ ...ring.params, key: z.string() });

  routes.openapi(
    createRoute({
      ...calls(scope),
      tags,
      method: "get",
      path,
      summary: "List keys; their secrets aren't known",
      request: { params: here, query: PageQuery },
      responses: answers("A page of keys", KeyPage),
    }),
    async (c) => {
      const tenant = await tenantOf(c);
      const page = await listKeys(c.var.service, tenant, pageQuery(c.req.valid("query")));
      return c.json(pageView(page, keyView), 200);
    },
  );

  routes.openapi(
    createRoute({
      ...sends(scope),
      tags,
      method: "post",
      path,
      summary: "Make a key; its secret is shown this once. The same call again is told which key it made",
      request: { params: here, ...json(KeyCreate) },
      responses: answers("The key and its secret", NewKey),
    }),
    async (c) => {
      const body = c.req.valid("json");
      const { name, scopes, expires_at: expiresAt } = body;
      const request = {
        ...(name === undefined ? {} : { name }),
        ...(scopes === undefined ? {} : { scopes }),
        ...(expiresAt === undefined ? {} : { expiresAt }),
      };
      const made = await createKey(c.var.service, await tenantOf(c), request, secretRepeatOf(c, body));
      return c.json(newKeyView(made), 200);
    },
  );

  routes.openapi(
    createRoute({
      ...sends(scope, { optional: true }),
      tags,
      method: "post",
      path: `${path}/{key}/rotate`,
      summary: "Make the next key; the old one works a while longer",
      request: { params: one, ...json(KeyRotate) },
      responses: answers("The new key and its secret", NewKey),
    }),
    async (c) => {
      const body = c.req.valid("json");
      const repeat = secretRepeatOf(c, body);
      const made = await rotateKey(c.var.service, await tenantOf(c), keyOf(c), body.overlap_seconds, repeat);
      return c.json(newKeyView(made), 200);
    },
  );

  routes.openapi(
    createRoute({
      ...calls(scope),
      tags,
      method: "delete",
      path: `${path}/{key}`,
      summary: "Revoke a key, at once and for good",
      request: { params: one },
      responses: answers("The key, revoked", KeyObject),
    }),
    async (c) => c.json(keyView(await revokeKey(c.var.service, await tenantOf(c), keyOf(c))), 200),
  );

  return routes;
}

function keyOf(c: Context<Env>): string {
  return c.req.param("key") ?? "";
}
