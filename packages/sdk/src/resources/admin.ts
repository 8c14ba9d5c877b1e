import type {
  AuditObject,
  BackboneObject,
  PageQuery,
  TenantCreate,
  TenantCreated,
  TenantDeleted,
  TenantObject,
  TenantUpdate,
} from "@kilotune/contract/wire";
import { path } from "../http/path.ts";
import type { RequestOptions, Transport } from "../http/transport.ts";
import { Listing } from "../listing.ts";
import { Keys } from "./keys.ts";

/** What the platform's own keys may do. */
export class Admin {
  readonly tenants: Tenants;
  readonly #api: Transport;

  constructor(api: Transport) {
    this.#api = api;
    this.tenants = new Tenants(api);
  }

  /** The models that this server has, and what each can do. */
  backbones(options?: RequestOptions): Listing<BackboneObject> {
    return new Listing(this.#api, { path: "/admin/backbones" }, options);
  }

  /** Who did what, the newest first: of the platform, or of a tenant. */
  audit(
    query: PageQuery & { readonly tenant?: string } = {},
    options?: RequestOptions,
  ): Listing<AuditObject> {
    return new Listing(this.#api, { path: "/admin/audit", query: { ...query } }, options);
  }
}

export class Tenants {
  readonly #api: Transport;

  constructor(api: Transport) {
    this.#api = api;
  }

  /**
   * Makes a tenant and its first key, whose secret is answered this once; where that answer was lost, see Keys.
   *
   * @example const { tenant, key } = await kilotune.admin.tenants.create({ name: "Acme" });
   */
  create(body: TenantCreate, options?: RequestOptions): Promise<TenantCreated> {
    return this.#api.json({ method: "POST", path: "/admin/tenants", body, creates: true }, options);
  }

  list(query: PageQuery = {}, options?: RequestOptions): Listing<TenantObject> {
    return new Listing(this.#api, { path: "/admin/tenants", query: { ...query } }, options);
  }

  get(id: string, options?: RequestOptions): Promise<TenantObject> {
    return this.#api.json({ method: "GET", path: path`/admin/tenants/${id}` }, options);
  }

  /** Name, plan, limits; suspends and readmits. */
  update(id: string, body: TenantUpdate, options?: RequestOptions): Promise<TenantObject> {
    return this.#api.json({ method: "PATCH", path: path`/admin/tenants/${id}`, body }, options);
  }

  /** Erases a tenant's records, files, models and keys; it can't be taken back. */
  delete(id: string, options?: RequestOptions): Promise<TenantDeleted> {
    return this.#api.json({ method: "DELETE", path: path`/admin/tenants/${id}`, repeatable: false }, options);
  }

  keys(id: string): Keys {
    return new Keys(this.#api, path`/admin/tenants/${id}/keys`);
  }
}
