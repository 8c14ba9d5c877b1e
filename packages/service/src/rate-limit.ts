import type { TenantId } from "@kilotune/contract";
import type { Service } from "./context.ts";
import { RATE } from "./kinds.ts";
import type { Limits } from "./plans.ts";

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
export async function takeRate(
  service: Service,
  tenant: TenantId,
  limits: Pick<Limits, "requestsPerMinute" | "tokensPerMinute">,
  amounts: { readonly requests: number; readonly tokens: number },
): Promise<RateAnswer> {
  const nowMs = service.clock.now().getTime();
  const minute = Math.floor(nowMs / MINUTE_MS);
  const endMs = (minute + 1) * MINUTE_MS;
  const window = { kind: RATE.kind, id: String(minute) };
  const atMost = { requests: limits.requestsPerMinute, tokens: limits.tokensPerMinute };
  const taken = await service.records.add(tenant, window, amounts, {
    atMost,
    expiresAt: new Date(endMs + MINUTE_MS),
  });
  const used = taken ?? (await RATE.read(service, tenant, window.id))?.value ?? {};
  const state = (name: "requests" | "tokens"): RateState => ({
    limit: atMost[name],
    remaining: Math.max(0, atMost[name] - (used[name] ?? 0)),
  });
  return {
    allowed: taken !== undefined,
    requests: state("requests"),
    tokens: state("tokens"),
    resetSeconds: Math.ceil((endMs - nowMs) / 1000),
  };
}

const MINUTE_MS = 60_000;
