import type { TenantId } from "@kilotune/contract";
import { audited } from "./audit.ts";
import type { Service, UnixSeconds } from "./context.ts";
import { invalidValue, notFound } from "./errors.ts";
import { WEBHOOKS } from "./kinds.ts";
import { randomOf } from "./new-id.ts";
import { ENDPOINT } from "./outbox.ts";
import { nowSeconds } from "./time.ts";

export interface WebhookEndpoint {
  readonly url: string;
  readonly createdAt: UnixSeconds;
}

/**
 * One endpoint a tenant; replaces what there was. `secret` (`whsec_..`) is shown this once.
 *
 * @throws KilotuneError `invalid_value` (https, or http on localhost)
 */
export async function setWebhook(
  service: Service,
  tenant: TenantId,
  url: string,
): Promise<{ readonly endpoint: WebhookEndpoint; readonly secret: string }> {
  const endpoint: WebhookEndpoint = { url: checkedUrl(url), createdAt: nowSeconds(service) };
  const secret = `whsec_${Buffer.from(randomOf(service, 24)).toString("base64")}`;
  await service.records.write(tenant, [
    WEBHOOKS.put(ENDPOINT, { ...endpoint, secret }, "any"),
    audited(service, "webhook.set", ENDPOINT),
  ]);
  return { endpoint, secret };
}

/** @throws KilotuneError `not_found` */
export async function getWebhook(service: Service, tenant: TenantId): Promise<WebhookEndpoint> {
  const row = await WEBHOOKS.read(service, tenant, ENDPOINT);
  if (row === undefined) throw notFound("webhook");
  const { url, createdAt } = row.value;
  return { url, createdAt };
}

/** Events that wait are dropped. Nothing where there is none. */
export async function removeWebhook(service: Service, tenant: TenantId): Promise<void> {
  await service.records.write(tenant, [
    WEBHOOKS.remove(ENDPOINT, "any"),
    audited(service, "webhook.removed", ENDPOINT),
  ]);
}

function checkedUrl(text: string): string {
  const url = text.length <= 2048 && URL.canParse(text) ? new URL(text) : undefined;
  const local = url?.protocol === "http:" && LOCAL_HOSTS.includes(url.hostname);
  if (
    url === undefined ||
    url.username !== "" ||
    url.password !== "" ||
    !(url.protocol === "https:" || local)
  )
    throw invalidValue("url", "an https address, or http on localhost, without a password", "something else");
  return url.href;
}

const LOCAL_HOSTS = ["localhost", "127.0.0.1", "[::1]"];
