import type { TenantId } from "@kilotune/contract";
import type { Service } from "./context.ts";
import { todo } from "./todo.ts";

/** A file of the archive. `path` is made by us: safe in every archive format. */
export interface ExportEntry {
  readonly path: string;
  readonly sizeBytes: number;
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** All that a tenant has: records as JSONL, one file a kind, without secrets; blobs as they are. Read each entry before the next. */
export function exportTenant(service: Service, tenant: TenantId): AsyncGenerator<ExportEntry> {
  return todo(service, tenant);
}
