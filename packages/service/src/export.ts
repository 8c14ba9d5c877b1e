import type { TenantId } from "@kilotune/contract";
import { audited } from "./audit.ts";
import type { Service } from "./context.ts";
import {
  ALIASES,
  AUDIT,
  BATCHES,
  CHECKPOINTS,
  EVENTS,
  FILES,
  JOBS,
  KEYS,
  MODELS,
  PROMPTS,
  USAGE,
  WEBHOOKS,
} from "./kinds.ts";
import type { Row, Table } from "./table.ts";

/** A file of the archive. `path` is made by us: safe in every archive format. */
export interface ExportEntry {
  readonly path: string;
  readonly sizeBytes: number;
  readonly chunks: AsyncIterable<Uint8Array>;
}

/**
 * All that a tenant has: records as JSONL (`records/job-1.jsonl`, at most 1,000 a file), without secrets; blobs as they
 * are (`files/..`, `prompts/..`). Read each entry before the next.
 */
export async function* exportTenant(service: Service, tenant: TenantId): AsyncGenerator<ExportEntry> {
  await service.records.write(tenant, [audited(service, "tenant.exported", tenant)]);
  for (const table of TABLES) yield* recordsOf(service, tenant, table);
  for await (const { path } of service.blobs.list(tenant, "")) {
    const blob = await service.blobs.open(tenant, path);
    // Deleted meanwhile.
    if (blob !== undefined) yield { path, sizeBytes: blob.size, chunks: blob.chunks };
  }
}

async function* recordsOf(
  service: Service,
  tenant: TenantId,
  table: Table<object>,
): AsyncGenerator<ExportEntry> {
  let after: string | undefined;
  for (let page = 1, more = true; more; page++) {
    const { rows, hasMore } = await table.list(service, tenant, {
      limit: 1000,
      ...(after !== undefined && { after }),
    });
    if (rows.length > 0) yield entryOf(`records/${table.kind}-${page}.jsonl`, rows);
    after = rows.at(-1)?.id;
    more = hasMore;
  }
}

function entryOf(path: string, rows: readonly Row<object>[]): ExportEntry {
  const lines = rows.map(({ id, value }) => `${JSON.stringify({ id, ...withoutSecrets(value) })}\n`);
  const bytes = new TextEncoder().encode(lines.join(""));
  return { path, sizeBytes: bytes.length, chunks: once(bytes) };
}

/** Of keys and the webhook. Whoever holds the archive must not be able to sign or to guess. */
function withoutSecrets(value: object): object {
  return Object.fromEntries(Object.entries(value).filter(([name]) => name !== "sha256" && name !== "secret"));
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Not the machinery: quotas, rates, receipts, claims, events on their way. */
const TABLES: readonly Table<object>[] = [
  ALIASES,
  AUDIT,
  BATCHES,
  CHECKPOINTS,
  EVENTS,
  FILES,
  JOBS,
  KEYS,
  MODELS,
  PROMPTS,
  USAGE,
  WEBHOOKS,
];
