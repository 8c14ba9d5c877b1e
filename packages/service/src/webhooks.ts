import type { TenantId } from "@kilotune/contract";
import type { Service, UnixSeconds } from "./context.ts";
import { todo } from "./todo.ts";

export interface WebhookEndpoint {
  readonly url: string;
  readonly createdAt: UnixSeconds;
}

/** One endpoint a tenant; replaces what there was. `secret` (`whsec_..`) is shown this once. @throws KilotuneError `invalid_value` (https, or http on localhost) */
export function setWebhook(
  service: Service,
  tenant: TenantId,
  url: string,
): Promise<{ readonly endpoint: WebhookEndpoint; readonly secret: string }> {
  return todo(service, tenant, url);
}

/** @throws KilotuneError `not_found` */
export function getWebhook(service: Service, tenant: TenantId): Promise<WebhookEndpoint> {
  return todo(service, tenant);
}

export function removeWebhook(service: Service, tenant: TenantId): Promise<void> {
  return todo(service, tenant);
}
