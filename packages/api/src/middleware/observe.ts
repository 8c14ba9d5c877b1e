import { createMiddleware } from "hono/factory";
import type { Env } from "../env.ts";
import { routeOf } from "./route-of.ts";

/** Time taken: in a header, in the metrics, in one line of the log. Of a stream, the time to its first byte. */
export const observe = createMiddleware<Env>(async (c, next) => {
  const startedMs = performance.now();
  await next();
  const ms = performance.now() - startedMs;
  c.header("openai-processing-ms", String(Math.round(ms)));

  const { metrics, log, service } = c.var.deps;
  const { status } = c.res;
  const call = { method: c.req.method, route: routeOf(c), status, tenant: c.var.caller?.tenant };
  metrics.answered({ ...call, seconds: ms / 1000 });
  log({
    time: service.clock.now().toISOString(),
    level: status >= 500 && status !== 501 ? "error" : "info",
    event: "request",
    requestId: c.var.requestId,
    ...call,
    key: c.var.caller?.key.id,
    ms: Math.round(ms * 10) / 10,
    ...(c.var.tokens === undefined ? {} : { tokens: c.var.tokens }),
    ...(c.error === undefined ? {} : { error: c.error }),
  });
});
