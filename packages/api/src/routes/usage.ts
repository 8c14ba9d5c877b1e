import { createRoute } from "@hono/zod-openapi";
import { UsageList, UsageQuery } from "@kilotune/contract/wire";
import { getUsage } from "@kilotune/service";
import { answers, calls } from "../declare.ts";
import { newRoutes } from "../env.ts";

export function usageRoutes() {
  const routes = newRoutes();

  routes.openapi(
    createRoute({
      ...calls("read"),
      tags: ["Usage"],
      method: "get",
      path: "/v1/usage",
      summary: "Requests, tokens, images and tuning time by day and model; bytes stored now",
      request: { query: UsageQuery },
      responses: answers("The days asked for", UsageList),
    }),
    async (c) => {
      const { from, to } = c.req.valid("query");
      const { data, storedBytes } = await getUsage(c.var.service, c.var.tenant, {
        ...(from === undefined ? {} : { from }),
        ...(to === undefined ? {} : { to }),
      });
      const days = data.map(({ day, model, requests, tokens, images, tuningSeconds }) => ({
        object: "usage.day" as const,
        date: day,
        model,
        requests,
        tokens,
        images,
        tuning_seconds: tuningSeconds,
      }));
      return c.json({ object: "list" as const, data: days, stored_bytes: storedBytes }, 200);
    },
  );

  return routes;
}
