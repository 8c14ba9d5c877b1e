import { createRoute } from "@hono/zod-openapi";
import { KilotuneError } from "@kilotune/contract";
import { calls, ERRORS } from "../declare.ts";
import { newRoutes } from "../env.ts";

/** Tasks of OpenAI's and ours that no backbone here can do. They say so: an encoder's classes aren't a conversation. */
const TASKS = {
  "/v1/chat/completions": "hold a conversation",
  "/v1/completions": "write text",
};

export function notYetRoutes() {
  const routes = newRoutes();
  for (const [path, task] of Object.entries(TASKS)) {
    routes.openapi(
      createRoute({
        ...calls("infer"),
        tags: ["Not served yet"],
        method: "post",
        path,
        summary: `A backbone that can ${task}: none is served yet`,
        responses: ERRORS,
      }),
      (c) => {
        const can = c.var.deps.backbones.map(({ id, tasks }) => `${id} can ${tasks.join(", ")}`).join("; ");
        throw new KilotuneError("not_implemented", `No backbone of this server can ${task}.`, `${can}.`);
      },
    );
  }
  return routes;
}
