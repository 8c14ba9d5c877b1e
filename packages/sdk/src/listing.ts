import type { RequestOptions } from "./http/transport.ts";
import type { Call, Transport } from "./http/transport.ts";

/** A list as the API answers it: whole where it doesn't say `has_more`. */
interface Listed<Item> {
  readonly data: readonly Item[];
  readonly has_more?: boolean;
}

/** Some of a list; iterates over its own items and those of all pages after it. */
export class Page<Item extends { readonly id: string }> implements AsyncIterable<Item> {
  readonly data: readonly Item[];
  readonly hasMore: boolean;
  readonly #fetchAfter: (id: string) => Promise<Listed<Item>>;

  constructor(listed: Listed<Item>, fetchAfter: (id: string) => Promise<Listed<Item>>) {
    this.data = listed.data;
    // A page without items would be asked for again and again.
    this.hasMore = listed.has_more === true && listed.data.length > 0;
    this.#fetchAfter = fetchAfter;
  }

  /** undefined after the last. */
  async nextPage(): Promise<Page<Item> | undefined> {
    const last = this.data.at(-1);
    if (!this.hasMore || last === undefined) return undefined;
    return new Page(await this.#fetchAfter(last.id), this.#fetchAfter);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Item, void> {
    for (let page: Page<Item> | undefined = this; page !== undefined; page = await page.nextPage()) {
      yield* page.data;
    }
  }
}

/**
 * A list that was asked for: `await` gives its first page, `for await` every item of all pages. Nothing is sent before
 * either.
 */
export class Listing<Item extends { readonly id: string }>
  implements Promise<Page<Item>>, AsyncIterable<Item>
{
  readonly [Symbol.toStringTag] = "Listing";
  readonly #fetchFirst: () => Promise<Page<Item>>;
  #first: Promise<Page<Item>> | undefined;

  constructor(api: Transport, call: Omit<Call, "method">, options?: RequestOptions) {
    const fetch = (query?: Call["query"]) =>
      api.json<Listed<Item>>({ ...call, method: "GET", query: { ...call.query, ...query } }, options);
    this.#fetchFirst = async () => new Page(await fetch(), (after) => fetch({ after }));
  }

  // biome-ignore lint/suspicious/noThenProperty: it is a promise, one that starts when it is asked
  then: Promise<Page<Item>>["then"] = (fulfilled, rejected) => this.#page().then(fulfilled, rejected);
  catch: Promise<Page<Item>>["catch"] = (rejected) => this.#page().catch(rejected);
  finally: Promise<Page<Item>>["finally"] = (settled) => this.#page().finally(settled);

  async *[Symbol.asyncIterator](): AsyncGenerator<Item, void> {
    yield* await this.#page();
  }

  #page(): Promise<Page<Item>> {
    this.#first ??= this.#fetchFirst();
    return this.#first;
  }
}
