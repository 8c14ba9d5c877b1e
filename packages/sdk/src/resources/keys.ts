import type { KeyCreate, KeyObject, KeyRotate, NewKey, PageQuery } from "@kilotune/contract/wire";
import { path } from "../http/path.ts";
import type { RequestOptions, Transport } from "../http/transport.ts";
import { Listing } from "../listing.ts";

/**
 * A secret is answered once and kept nowhere. Where the answer was lost and the call is sent again, the server says that the key
 * is there: a ConflictError `already_made` whose `made` is its id. Revoke that one, make another.
 */
export class Keys {
  readonly #api: Transport;
  readonly #ring: string;

  /** @param ring `/v1/keys`, or a tenant's below `/admin` */
  constructor(api: Transport, ring: string) {
    this.#api = api;
    this.#ring = ring;
  }

  list(query: PageQuery = {}, options?: RequestOptions): Listing<KeyObject> {
    return new Listing(this.#api, { path: this.#ring, query: { ...query } }, options);
  }

  /** With all scopes unless told. @example const { secret } = await kilotune.keys.create({ scopes: ["infer"] }); */
  create(body: KeyCreate = {}, options?: RequestOptions): Promise<NewKey> {
    return this.#api.json({ method: "POST", path: this.#ring, body, creates: true }, options);
  }

  /** The next key; the old one works on for `overlap_seconds`, a day unless told. */
  rotate(id: string, body: KeyRotate = {}, options?: RequestOptions): Promise<NewKey> {
    const route = `${this.#ring}${path`/${id}/rotate`}`;
    return this.#api.json({ method: "POST", path: route, body, creates: true }, options);
  }

  /** At once and for good. */
  revoke(id: string, options?: RequestOptions): Promise<KeyObject> {
    return this.#api.json({ method: "DELETE", path: `${this.#ring}${path`/${id}`}` }, options);
  }
}
