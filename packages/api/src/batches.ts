import { KilotuneError, type TenantId } from "@kilotune/contract";
import type { BatchCreate, BatchObject } from "@kilotune/contract/wire";
import type { Page, PageQuery } from "@kilotune/service";
import { notFound } from "./errors/not-found.ts";

/** Offline work over a file. A port: where and when it is done isn't the API's affair. */
export interface Batches {
  create(tenant: TenantId, request: BatchCreate): Promise<BatchObject>;
  /** @throws KilotuneError `not_found` */
  get(tenant: TenantId, id: string): Promise<BatchObject>;
  list(tenant: TenantId, query: PageQuery): Promise<Page<BatchObject>>;
  /** @throws KilotuneError `not_found` */
  cancel(tenant: TenantId, id: string): Promise<BatchObject>;
}

/** Where nobody runs batches: there are none, and none can be made. */
export const NO_BATCHES: Batches = {
  create: () =>
    Promise.reject(
      new KilotuneError(
        "not_implemented",
        "This server doesn't run batches.",
        "POST /v1/classify and /v1/embeddings take 2,048 texts a call.",
      ),
    ),
  get: () => Promise.reject(notFound()),
  list: () => Promise.resolve({ data: [], hasMore: false }),
  cancel: () => Promise.reject(notFound()),
};
