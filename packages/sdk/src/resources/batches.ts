import type { BatchCreate, BatchObject, PageQuery } from "@kilotune/contract/wire";
import { path } from "../http/path.ts";
import type { RequestOptions, Transport } from "../http/transport.ts";
import { Listing } from "../listing.ts";
import { type BatchWatchOptions, watchBatch } from "./watch-batch.ts";

export type { BatchWatchOptions };

export class Batches {
  readonly #api: Transport;

  constructor(api: Transport) {
    this.#api = api;
  }

  /** Answers a file of requests offline. */
  create(body: BatchCreate, options?: RequestOptions): Promise<BatchObject> {
    return this.#api.json({ method: "POST", path: "/v1/batches", body, creates: true }, options);
  }

  get(id: string, options?: RequestOptions): Promise<BatchObject> {
    return this.#api.json({ method: "GET", path: path`/v1/batches/${id}` }, options);
  }

  /** The newest first. */
  list(query: PageQuery = {}, options?: RequestOptions): Listing<BatchObject> {
    return new Listing(this.#api, { path: "/v1/batches", query: { ...query } }, options);
  }

  /**
   * The batch as it is, and again whenever it has changed, until it has ended.
   *
   * @example for await (const { request_counts } of kilotune.batches.watch(batch.id)) console.log(request_counts);
   */
  watch(id: string, options: BatchWatchOptions = {}): AsyncGenerator<BatchObject, void> {
    return watchBatch((each) => this.get(id, each), options);
  }

  /** What is answered stays. */
  cancel(id: string, options?: RequestOptions): Promise<BatchObject> {
    return this.#api.json({ method: "POST", path: path`/v1/batches/${id}/cancel` }, options);
  }
}
