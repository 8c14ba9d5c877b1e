import { KilotuneError } from "@kilotune/contract";
import { Hono } from "hono";
import type { Env } from "../env.ts";
import { authenticate, needs } from "../middleware/authenticate.ts";

/** For whoever runs the server; no part of the OpenAPI document. */
export function operationRoutes() {
  const routes = new Hono<Env>();

  routes.get("/healthz", (c) => c.json({ status: "ok" }));

  routes.get("/readyz", (c) => {
    if (c.var.deps.ready()) return c.json({ status: "ready" });
    throw new KilotuneError("closed", "This server starts or shuts down.", "Try again in a moment.");
  });

  // With an admin key: the labels name tenants.
  routes.get("/metrics", authenticate, needs("admin"), async (c) => {
    const { registry } = c.var.deps.metrics;
    return c.body(await registry.metrics(), 200, { "content-type": registry.contentType });
  });

  return routes;
}
