import type { TenantId } from "@kilotune/contract";

/**
 * Files of a tenant. A path is made by us, never by a user: segments of a-z, 0-9, `.`, `_`, `-`, joined by `/`, at most 512
 * in all; no blob is the folder of another. Anything else is refused (`bad_store_call`).
 */
export interface Blobs {
  /**
   * Visible only when whole: a broken upload leaves nothing. With `ifAbsent` a blob that exists is kept.
   *
   * @throws what `bytes` throws; KilotuneError `disk_full`
   */
  put(
    tenant: TenantId,
    path: string,
    bytes: Uint8Array | AsyncIterable<Uint8Array>,
    options?: { readonly ifAbsent?: boolean },
  ): Promise<BlobWritten>;

  /**
   * undefined where there is none. The chunks are of any size. Whoever opens must read, once: the file is released at the
   * end, and where a reader stops early (`return` of the iterator does, before its first chunk too).
   */
  open(
    tenant: TenantId,
    path: string,
  ): Promise<{ readonly size: number; readonly chunks: AsyncIterable<Uint8Array> } | undefined>;

  /** Paths under a prefix, in byte order. */
  list(tenant: TenantId, prefix: string): AsyncIterable<{ readonly path: string; readonly size: number }>;

  /** Nothing where there is none. */
  remove(tenant: TenantId, path: string): Promise<void>;

  /** Removes all blobs of a tenant and answers how many there were. */
  eraseTenant(tenant: TenantId): Promise<number>;
}

export interface BlobWritten {
  readonly size: number;
  /** Of the bytes given, as hex. */
  readonly sha256: string;
  /** false: there was one already, and it was kept. */
  readonly written: boolean;
}
