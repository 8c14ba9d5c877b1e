import { KilotuneError } from "@kilotune/contract";
import type { Hono } from "hono";
import type { Env } from "../env.ts";

/** Call after all routes: a path that takes other methods answers 405 and says which. */
export function refuseOtherMethods(api: Hono<Env>): void {
  const methods = new Map<string, Set<string>>();
  for (const { path, method } of api.routes) {
    if (method === "ALL") continue;
    const known = methods.get(path) ?? new Set();
    methods.set(path, known.add(method));
  }
  for (const [path, known] of methods) {
    const allow = [...known, ...(known.has("GET") ? ["HEAD"] : [])].join(", ");
    api.all(path, () => {
      const error = new KilotuneError(
        "method_not_allowed",
        `This address takes ${allow} alone.`,
        "See /docs.",
      );
      throw Object.assign(error, { headers: { allow } });
    });
  }
}
