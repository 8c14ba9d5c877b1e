import { randomUUID } from "node:crypto";
import { createMiddleware } from "hono/factory";
import type { Env } from "../env.ts";

/** Ours alone: an id of the caller's choosing could be somebody else's, or forge a line of the log. */
export const requestId = createMiddleware<Env>(async (c, next) => {
  c.set("requestId", `req_${randomUUID().replaceAll("-", "")}`);
  await next();
  c.header("x-request-id", c.var.requestId);
});
