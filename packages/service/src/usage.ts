import type { TenantId } from "@kilotune/contract";
import type { Service } from "./context.ts";
import { todo } from "./todo.ts";

/** A day (UTC) and a model. Tuning counts for the backbone tuned. */
export interface UsageRow {
  /** `2026-11-25` */
  readonly day: string;
  readonly model: string;
  readonly requests: number;
  readonly tokens: number;
  readonly tuningSeconds: number;
}

export interface Usage {
  readonly data: readonly UsageRow[];
  /** Now. */
  readonly storedBytes: number;
}

/** Adds a request's, or a row's, share. Exact whatever runs beside it. */
export function meter(
  service: Service,
  tenant: TenantId,
  model: string,
  amounts: { readonly requests: number; readonly tokens: number },
): Promise<void> {
  return todo(service, tenant, model, amounts);
}

/** Days `from` to `to`, both included, as `2026-11-25`; by default the last 30. @throws KilotuneError `invalid_value` */
export function getUsage(
  service: Service,
  tenant: TenantId,
  range?: { readonly from?: string; readonly to?: string },
): Promise<Usage> {
  return todo(service, tenant, range);
}
