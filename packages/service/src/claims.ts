import type { TenantId } from "@kilotune/contract";
import type { RecordChange } from "@kilotune/store";
import type { Service } from "./context.ts";
import { busy, isWritten } from "./fresh.ts";
import { CLAIMS, FILES, PROMPTS } from "./kinds.ts";

/**
 * Blobs and records can't be written as one. So whoever writes or removes a blob claims its path first, and gives the
 * claim back in the write that makes the blob count (`settled`), or after the blob is gone (`removeClaimed`). A crash
 * leaves the claim, and `sweep` removes what it names.
 */
export async function claimBlob(
  service: Service,
  tenant: TenantId,
  path: string,
  owner: string,
): Promise<void> {
  const seen = await CLAIMS.read(service, tenant, path);
  if (seen?.value.owner === owner) return;
  if (seen !== undefined) throw busy("the same bytes are being stored or deleted this moment");
  const sweepAfterMs = service.clock.now().getTime() + UPLOAD_MS;
  await service.records.write(tenant, [CLAIMS.put(path, { owner, sweepAfterMs }, "absent")]);
}

/** For the write that makes the blob count. Fails where the claim has been swept meanwhile. */
export async function settled(
  service: Service,
  tenant: TenantId,
  path: string,
  owner: string,
): Promise<RecordChange> {
  const seen = await CLAIMS.read(service, tenant, path);
  if (seen?.value.owner !== owner) throw busy("this took too long");
  return CLAIMS.remove(path, seen);
}

/** For the write after which nothing points to the blob any more; then call `removeClaimed`. */
export function toBeRemoved(service: Service, path: string): RecordChange {
  return CLAIMS.put(path, { owner: "removal", sweepAfterMs: service.clock.now().getTime() }, "absent");
}

export async function removeClaimed(service: Service, tenant: TenantId, path: string): Promise<void> {
  await service.blobs.remove(tenant, path);
  await service.records.write(tenant, [CLAIMS.remove(path, "any")]);
}

/** Gives a claim back whose blob came to nothing. */
export async function abandon(service: Service, tenant: TenantId, path: string): Promise<void> {
  // Only who holds the claim makes a blob count, so this can't change before the next line.
  if (await counts(service, tenant, path)) await service.records.write(tenant, [CLAIMS.remove(path, "any")]);
  else await removeClaimed(service, tenant, path);
}

/** The same where the claim is still `owner`'s: it is gone where the blob counts. */
export async function abandonOwn(
  service: Service,
  tenant: TenantId,
  path: string,
  owner: string,
): Promise<void> {
  const claim = await CLAIMS.read(service, tenant, path);
  if (claim?.value.owner === owner) await abandon(service, tenant, path);
}

/** Removes what crashes have left. Answers how many claims that were. */
export async function sweepClaims(service: Service, tenant: TenantId): Promise<number> {
  let swept = 0;
  for await (const row of CLAIMS.all(service, tenant)) {
    if (row.value.sweepAfterMs > service.clock.now().getTime()) continue;
    // Taken over first: an upload that is only slow then fails, rather than count without its bytes.
    const taken = CLAIMS.put(row.id, { ...row.value, owner: "removal" }, row);
    if (await isWritten(service, tenant, [taken])) await abandon(service, tenant, row.id);
    swept++;
  }
  return swept;
}

async function counts(service: Service, tenant: TenantId, path: string): Promise<boolean> {
  const [, prompt] = /^prompts\/([0-9a-f]{64})\./.exec(path) ?? [];
  const [, file] = /^files\/(.+)$/.exec(path) ?? [];
  if (prompt !== undefined) return (await PROMPTS.read(service, tenant, prompt)) !== undefined;
  return file !== undefined && (await FILES.read(service, tenant, file)) !== undefined;
}

/** The slowest upload. */
const UPLOAD_MS = 6 * 3_600_000;
