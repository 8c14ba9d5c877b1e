import { createRoute } from "@hono/zod-openapi";
import { KilotuneError } from "@kilotune/contract";
import { AliasDeleted, AliasObject, AliasPage, AliasPut, badField, PageQuery } from "@kilotune/contract/wire";
import { type Alias, deleteAlias, getAlias, listAliases, putAlias, rollbackAlias } from "@kilotune/service";
import { z } from "zod";
import { answers, calls, json, sends } from "../declare.ts";
import { newRoutes } from "../env.ts";
import { pageQuery, pageView } from "../views/page.ts";

const tags = ["Aliases"];
const ByName = z.object({ name: z.string() });
const IfMatch = z.object({ "if-match": z.string().max(64).optional() });
const Preconditions = IfMatch.extend({ "if-none-match": z.string().max(64).optional() });

export function aliasRoutes() {
  const routes = newRoutes();

  routes.openapi(
    createRoute({
      ...calls("read"),
      tags,
      method: "get",
      path: "/v1/aliases",
      summary: "List aliases by name",
      request: { query: PageQuery },
      responses: answers("A page of aliases", AliasPage),
    }),
    async (c) => {
      const page = await listAliases(c.var.service, c.var.tenant, pageQuery(c.req.valid("query")));
      return c.json(pageView(page, aliasView), 200);
    },
  );

  routes.openapi(
    createRoute({
      ...calls("read"),
      tags,
      method: "get",
      path: "/v1/aliases/{name}",
      summary: "Get an alias; its ETag is what a change must name",
      request: { params: ByName },
      responses: answers("The alias", AliasObject),
    }),
    async (c) => {
      const alias = await getAlias(c.var.service, c.var.tenant, c.req.valid("param").name);
      return c.json(aliasView(alias), 200, tag(alias));
    },
  );

  routes.openapi(
    createRoute({
      ...sends("manage"),
      tags,
      method: "put",
      path: "/v1/aliases/{name}",
      summary: "Point an alias elsewhere, with `If-Match: <ETag>`; or make one, with `If-None-Match: *`",
      request: { params: ByName, headers: Preconditions, ...json(AliasPut) },
      responses: answers("The alias; every later call sees it", AliasObject),
    }),
    async (c) => {
      const { model, canary } = c.req.valid("json");
      const { "if-match": ifMatch, "if-none-match": ifNoneMatch } = c.req.valid("header");
      const expect = expectation(ifMatch, ifNoneMatch);
      const alias = await putAlias(
        c.var.service,
        c.var.tenant,
        c.req.valid("param").name,
        { model, ...(canary == null ? {} : { canary }) },
        expect,
      );
      return c.json(aliasView(alias), 200, tag(alias));
    },
  );

  routes.openapi(
    createRoute({
      ...calls("manage"),
      tags,
      method: "post",
      path: "/v1/aliases/{name}/rollback",
      summary: "Back to what it pointed to before",
      request: { params: ByName, headers: IfMatch },
      responses: answers("The alias", AliasObject),
    }),
    async (c) => {
      const expect = revisionIn(c.req.valid("header")["if-match"]);
      const alias = await rollbackAlias(c.var.service, c.var.tenant, c.req.valid("param").name, expect);
      return c.json(aliasView(alias), 200, tag(alias));
    },
  );

  routes.openapi(
    createRoute({
      ...calls("manage"),
      tags,
      method: "delete",
      path: "/v1/aliases/{name}",
      summary: "Delete an alias; the models stay",
      request: { params: ByName, headers: IfMatch },
      responses: answers("It is gone", AliasDeleted),
    }),
    async (c) => {
      const { name } = c.req.valid("param");
      await deleteAlias(c.var.service, c.var.tenant, name, revisionIn(c.req.valid("header")["if-match"]));
      return c.json({ id: name, object: "alias" as const, deleted: true as const }, 200);
    },
  );

  return routes;
}

function aliasView({ name, target, previous, updatedAt }: Alias): AliasObject {
  return { object: "alias", id: name, ...target, previous, updated_at: updatedAt };
}

function tag({ revision }: Alias): { etag: string } {
  return { etag: `"${revision}"` };
}

/** Blind writes are refused: of two people who move an alias at once, one would undo the other unseen. */
function expectation(ifMatch: string | undefined, ifNoneMatch: string | undefined) {
  if (ifNoneMatch?.trim() === "*" && ifMatch === undefined) return "absent" as const;
  if (ifNoneMatch !== undefined) throw badField("If-None-Match", "expected `*`, and no If-Match beside it");
  const revision = revisionIn(ifMatch);
  if (revision !== undefined) return revision;
  throw new KilotuneError(
    "precondition_required",
    "Expected `If-Match` with the alias's ETag, or `If-None-Match: *` to make a new one.",
    "GET the alias to see its ETag.",
  );
}

function revisionIn(ifMatch: string | undefined): { readonly revision: number } | undefined {
  if (ifMatch === undefined) return undefined;
  const digits = /^"([1-9][0-9]{0,14})"$/.exec(ifMatch.trim())?.[1];
  // Not one of our tags, so certainly not the current one: that is what 412 says.
  return { revision: digits === undefined ? NEVER : Number(digits) };
}

/** Revisions begin at 1. */
const NEVER = 0;
