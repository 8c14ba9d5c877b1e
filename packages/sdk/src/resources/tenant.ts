import type { TenantDeleted, TenantObject } from "@kilotune/contract/wire";
import type { RequestOptions, Transport } from "../http/transport.ts";

/** The tenant whose key this is. */
export class Tenant {
  readonly #api: Transport;

  constructor(api: Transport) {
    this.#api = api;
  }

  /** With its plan and limits. */
  get(options?: RequestOptions): Promise<TenantObject> {
    return this.#api.json({ method: "GET", path: "/v1/tenant" }, options);
  }

  /** Erases everything, keys included; it can't be taken back. */
  delete(options?: RequestOptions): Promise<TenantDeleted> {
    return this.#api.json({ method: "DELETE", path: "/v1/tenant", repeatable: false }, options);
  }
}
