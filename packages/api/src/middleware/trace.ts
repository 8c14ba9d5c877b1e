import { inSpan } from "@kilotune/contract/spans";
import { createMiddleware } from "hono/factory";
import type { Env } from "../env.ts";
import { isKnownMethod } from "../operations/metrics.ts";
import { routeOf } from "./route-of.ts";

/**
 * The call as a span, the first of its trace: a `traceparent` of the caller's is not gone on from, since a tenant could
 * then choose what is recorded, and under whose trace. The request's id leads from it to the log. Of a stream, the time to
 * its first byte.
 */
export const trace = createMiddleware<Env>(async (c, next) => {
  await inSpan("request", { root: true, kind: "server" }, async (span) => {
    await next();
    if (!span.isRecorded) return;
    // A method is the caller's word too.
    const method = isKnownMethod(c.req.method) ? c.req.method : "_OTHER";
    const route = routeOf(c);
    const tenant = c.var.caller?.tenant;
    span.rename(`${method} ${route}`);
    span.set({
      "http.request.method": method,
      "http.route": route,
      "http.response.status_code": c.res.status,
      "kilotune.request": c.var.requestId,
      ...(tenant === undefined ? {} : { "kilotune.tenant": tenant }),
    });
    if (c.error !== undefined) span.fail(c.error, () => c.res.status < 500 || c.res.status === 501);
  });
});
