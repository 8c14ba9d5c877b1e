import type { Context } from "hono";
import { matchedRoutes } from "hono/route";
import type { Env } from "../env.ts";

/** The pattern, e.g. `/v1/files/:id`: a path would make a series of every id, and write what callers put into it. */
export function routeOf(c: Context<Env>): string {
  const path = matchedRoutes(c).at(-1)?.path ?? "";
  return path.includes("*") || path === "" ? "unmatched" : path;
}
