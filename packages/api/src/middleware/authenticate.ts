import { inSpan } from "@kilotune/contract/spans";
import { authenticate as callerOf, requireScope, type Scope } from "@kilotune/service";
import { createMiddleware } from "hono/factory";
import type { Env } from "../env.ts";

/** Who asks: `Authorization: Bearer kt_..` as OpenAI's clients send it, or `x-api-key: kt_..`. */
export const authenticate = createMiddleware<Env>(async (c, next) => {
  const { service } = c.var.deps;
  const caller = await inSpan("authenticate", {}, () => callerOf(service, givenKey(c.req.raw.headers)));
  c.set("caller", caller);
  c.set("tenant", caller.tenant);
  c.set("service", { ...service, by: caller.key.id });
  await next();
});

export function needs(scope: Scope) {
  return createMiddleware<Env>(async (c, next) => {
    requireScope(c.var.caller, scope);
    await next();
  });
}

/** Empty where there is none. Two different keys are no key: which one is meant is nobody's to guess. */
function givenKey(headers: Headers): string {
  const bearer = /^Bearer +(\S+) *$/i.exec(headers.get("authorization") ?? "")?.[1];
  const plain = headers.get("x-api-key")?.trim();
  if (bearer !== undefined && plain !== undefined && bearer !== plain) return "";
  return bearer ?? plain ?? "";
}
