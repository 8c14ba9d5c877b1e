import type { AliasDeleted, AliasObject, AliasPut, PageQuery } from "@kilotune/contract/wire";
import { path } from "../http/path.ts";
import type { Call, RequestOptions, Transport } from "../http/transport.ts";
import { Listing } from "../listing.ts";

/** With the ETag that a change must name. */
export type Alias = AliasObject & { readonly etag: string };

/** `ifMatch`: the alias as it was read is moved. `ifNoneMatch`: there is none yet. */
export type Precondition = { readonly ifMatch: string } | { readonly ifNoneMatch: "*" };

/**
 * Changes aren't repeated where their answer was lost: the second try would be told 412 because of the first, or roll
 * back twice. A ConnectionError of theirs means "look (`get`), then decide".
 */
export class Aliases {
  readonly #api: Transport;

  constructor(api: Transport) {
    this.#api = api;
  }

  /** By name. */
  list(query: PageQuery = {}, options?: RequestOptions): Listing<AliasObject> {
    return new Listing(this.#api, { path: "/v1/aliases", query: { ...query } }, options);
  }

  get(name: string, options?: RequestOptions): Promise<Alias> {
    return this.#withTag({ method: "GET", path: path`/v1/aliases/${name}` }, options);
  }

  /**
   * Makes an alias or points it elsewhere; every later call sees it. A PreconditionFailedError where somebody else was
   * first.
   *
   * @example
   * const { etag } = await kilotune.aliases.get("support");
   * await kilotune.aliases.put("support", { model: job.fine_tuned_model }, { ifMatch: etag });
   */
  put(name: string, body: AliasPut, precondition: Precondition, options?: RequestOptions): Promise<Alias> {
    const headers = headersOf(precondition);
    return this.#withTag(
      { method: "PUT", path: path`/v1/aliases/${name}`, body, headers, repeatable: false },
      options,
    );
  }

  /** Back to what it pointed to before. */
  rollback(name: string, { ifMatch, ...options }: Conditional = {}): Promise<Alias> {
    const route = path`/v1/aliases/${name}/rollback`;
    return this.#withTag(
      { method: "POST", path: route, headers: headersOf({ ifMatch }), repeatable: false },
      options,
    );
  }

  /** The models stay. */
  delete(name: string, { ifMatch, ...options }: Conditional = {}): Promise<AliasDeleted> {
    const route = path`/v1/aliases/${name}`;
    return this.#api.json(
      { method: "DELETE", path: route, headers: headersOf({ ifMatch }), repeatable: false },
      options,
    );
  }

  async #withTag(call: Call, options?: RequestOptions): Promise<Alias> {
    const { data, headers } = await this.#api.answer<AliasObject>(call, options);
    return { ...data, etag: headers.get("etag") ?? "" };
  }
}

/** `ifMatch`: only the alias as it was read. */
type Conditional = RequestOptions & { readonly ifMatch?: string };

function headersOf(given: { readonly ifMatch?: string | undefined; readonly ifNoneMatch?: "*" }) {
  return {
    ...(given.ifMatch !== undefined && { "if-match": given.ifMatch }),
    ...(given.ifNoneMatch !== undefined && { "if-none-match": given.ifNoneMatch }),
  };
}
