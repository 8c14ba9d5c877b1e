import type { NewWebhook, WebhookDeleted, WebhookObject } from "@kilotune/contract/wire";
import type { RequestOptions, Transport } from "../http/transport.ts";

/** Where the end of jobs and batches is told, signed in Standard Webhooks form. A tenant has one. */
export class Webhook {
  readonly #api: Transport;

  constructor(api: Transport) {
    this.#api = api;
  }

  get(options?: RequestOptions): Promise<WebhookObject> {
    return this.#api.json({ method: "GET", path: "/v1/webhook" }, options);
  }

  /** Replaces what there was, its secret too: the new one is in this answer alone. */
  set(url: string, options?: RequestOptions): Promise<NewWebhook> {
    return this.#api.json({ method: "PUT", path: "/v1/webhook", body: { url } }, options);
  }

  /** What waits to be told is dropped. */
  remove(options?: RequestOptions): Promise<WebhookDeleted> {
    return this.#api.json({ method: "DELETE", path: "/v1/webhook" }, options);
  }
}
