import { PLATFORM, type TenantId } from "@kilotune/contract";
import type { Blobs, JsonObject, Records, StoredRecord } from "@kilotune/store";

export interface Checked {
  readonly tenants: number;
  readonly blobs: number;
  /** What records name and the bucket doesn't have, or has of another size. */
  readonly missing: readonly { readonly tenant: TenantId; readonly path: string }[];
}

/** Whether the bucket has what the table says it has: files and prompts of all tenants, by their sizes. Nothing is changed. */
export async function checkBlobs({ records, blobs }: { records: Records; blobs: Blobs }): Promise<Checked> {
  const missing: { tenant: TenantId; path: string }[] = [];
  let [tenants, count] = [0, 0];
  for await (const { key } of all(records, PLATFORM, "tenant")) {
    const tenant = key.id as TenantId;
    tenants++;
    const sizes = new Map<string, number>();
    for await (const blob of blobs.list(tenant, "")) sizes.set(blob.path, blob.size);
    const wanted: [string, JsonObject[string]][] = [];
    for await (const { key: file, value } of all(records, tenant, "file"))
      wanted.push([`files/${file.id}`, value.bytes ?? null]);
    for await (const { key: prompt, value } of all(records, tenant, "prompt"))
      wanted.push([`prompts/${prompt.id}.safetensors`, value.sizeBytes ?? null]);
    count += wanted.length;
    for (const [path, size] of wanted) if (sizes.get(path) !== size) missing.push({ tenant, path });
  }
  return { tenants, blobs: count, missing };
}

/** What the platform and its tenants took back since, and a restored table gives again: it must be taken back once more. */
export async function takenBackSince(records: Records, at: Date): Promise<TakenBack> {
  const taken = { erasedTenants: [] as string[], revokedKeys: [] as string[] };
  const partitions: TenantId[] = [PLATFORM];
  for await (const { key } of all(records, PLATFORM, "tenant")) partitions.push(key.id as TenantId);
  for (const partition of partitions)
    for await (const { value } of all(records, partition, "audit")) {
      if (Number(value.at) * 1000 < at.getTime()) continue;
      if (value.action === "tenant.erasing") taken.erasedTenants.push(String(value.target));
      if (value.action === "key.revoked" || value.action === "key.rotated")
        taken.revokedKeys.push(`${partition} ${String(value.target)}`);
    }
  return taken;
}

export interface TakenBack {
  readonly erasedTenants: readonly string[];
  /** `<tenant> <key>` */
  readonly revokedKeys: readonly string[];
}

async function* all(records: Records, tenant: TenantId, kind: string): AsyncGenerator<StoredRecord> {
  let after: string | undefined;
  for (let more = true; more; ) {
    const page = await records.list(tenant, kind, { limit: 1000, ...(after !== undefined && { after }) });
    yield* page.records;
    after = page.records.at(-1)?.key.id;
    more = page.hasMore;
  }
}
