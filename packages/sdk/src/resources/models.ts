import type { ModelDeleted, ModelObject } from "@kilotune/contract/wire";
import { path } from "../http/path.ts";
import type { RequestOptions, Transport } from "../http/transport.ts";
import { Listing } from "../listing.ts";

export class Models {
  readonly #api: Transport;

  constructor(api: Transport) {
    this.#api = api;
  }

  /** The shared backbones, then your tuned models. */
  list(options?: RequestOptions): Listing<ModelObject> {
    return new Listing(this.#api, { path: "/v1/models" }, options);
  }

  get(model: string, options?: RequestOptions): Promise<ModelObject> {
    return this.#api.json({ method: "GET", path: path`/v1/models/${model}` }, options);
  }

  /** Refused (ConflictError) while an alias points to it. */
  delete(model: string, options?: RequestOptions): Promise<ModelDeleted> {
    return this.#api.json({ method: "DELETE", path: path`/v1/models/${model}` }, options);
  }
}
