import { isIP } from "node:net";
import type { TenantId } from "@kilotune/contract";
import { audited } from "./audit.ts";
import type { Service, UnixSeconds } from "./context.ts";
import { invalidValue, notFound } from "./errors.ts";
import { WEBHOOKS } from "./kinds.ts";
import { randomOf } from "./new-id.ts";
import { ENDPOINT } from "./outbox.ts";
import { isPublicAddress } from "./private-address.ts";
import { nowSeconds } from "./time.ts";

export interface WebhookEndpoint {
  readonly url: string;
  readonly createdAt: UnixSeconds;
}

/**
 * One endpoint a tenant; replaces what there was. `secret` (`whsec_..`) is shown this once.
 *
 * @throws KilotuneError `invalid_value`
 */
export async function setWebhook(
  service: Service,
  tenant: TenantId,
  url: string,
): Promise<{ readonly endpoint: WebhookEndpoint; readonly secret: string }> {
  const endpoint: WebhookEndpoint = { url: checkedUrl(service, url), createdAt: nowSeconds(service) };
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

/** What can be told by its letters; where its name leads is looked at when it is connected to (`webhookSender`). */
function checkedUrl({ webhooksToPrivateNetwork: toPrivate = false }: Service, text: string): string {
  const url = text.length <= 2048 && URL.canParse(text) ? new URL(text) : undefined;
  const isWeb = url?.protocol === "https:" || (toPrivate && url?.protocol === "http:");
  if (url === undefined || !isWeb || url.username !== "" || url.password !== "")
    throw invalidValue("url", "an https address without a password", "something else", HTTP_HINT);
  if (!toPrivate && isPrivateHost(url.hostname))
    throw invalidValue("url", "an address of the public internet", "a private one", HTTP_HINT);
  return url.href;
}

function isPrivateHost(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, "");
  return /(^|\.)localhost\.?$/.test(host) || (isIP(host) !== 0 && !isPublicAddress(host));
}

const HTTP_HINT =
  "On premises, who runs the server can allow private networks, and http in them (--webhooks-to-private-network).";
