import type { TenantId } from "@kilotune/contract";
import type { Service } from "./context.ts";
import type { Limits } from "./plans.ts";
import { todo } from "./todo.ts";

/** For the `x-ratelimit-*` headers and, where not allowed, `retry-after`. */
export interface RateAnswer {
  readonly allowed: boolean;
  readonly requests: RateState;
  readonly tokens: RateState;
  /** Until the next window; 1 .. 60. */
  readonly resetSeconds: number;
}

export interface RateState {
  readonly limit: number;
  readonly remaining: number;
}

/** Takes both amounts from this minute, or, where either isn't left, neither. */
export function takeRate(
  service: Service,
  tenant: TenantId,
  limits: Pick<Limits, "requestsPerMinute" | "tokensPerMinute">,
  amounts: { readonly requests: number; readonly tokens: number },
): Promise<RateAnswer> {
  return todo(service, tenant, limits, amounts);
}
