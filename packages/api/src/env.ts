import { OpenAPIHono } from "@hono/zod-openapi";
import type { TenantId } from "@kilotune/contract";
import { invalidField } from "@kilotune/contract/wire";
import type { Caller, Service } from "@kilotune/service";
import type { Deps } from "./deps.ts";

/** What a request carries from one middleware to the next. */
export interface Env {
  Variables: {
    deps: Deps;
    requestId: string;
    caller: Caller;
    /** From the key, never from a body. */
    tenant: TenantId;
    /** Names the caller's key in the audit log. */
    service: Service;
    /** What the model read, for the log. */
    tokens?: number;
  };
}

/** A folder of routes; what a schema refuses is thrown, like every other error. */
export function newRoutes(): OpenAPIHono<Env> {
  return new OpenAPIHono<Env>({
    defaultHook: (result) => {
      if (!result.success) throw invalidField(result.error);
    },
  });
}
