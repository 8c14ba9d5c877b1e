import type { TenantId } from "@kilotune/contract";
import { type RecordChange, StaleWriteError } from "@kilotune/store";
import type { Service } from "./context.ts";
import { busy, isWritten } from "./fresh.ts";
import { CLAIMS, type Claim, FILES, PROMPTS } from "./kinds.ts";
import type { Row } from "./table.ts";

/**
 * Blobs and records can't be written as one. So whoever writes or removes a blob claims its path first, and gives the
 * claim back in the write that makes the blob count (`settled`), or after the blob is gone (`removeClaimed`). A crash
 * leaves the claim; once its lease is over, `sweep`, or who needs the path, removes what it names.
 *
 * `owner`: of this one call, never of two, or one would remove what the other is writing.
 *
 * @throws KilotuneError `busy` while somebody else has the path in hand
 */
export async function claimBlob(
  service: Service,
  tenant: TenantId,
  path: string,
  owner: string,
  leaseMs: number,
): Promise<void> {
  const seen = await CLAIMS.read(service, tenant, path);
  if (seen?.value.owner === owner) return;
  const now = service.clock.now().getTime();
  if (seen !== undefined && seen.value.sweepAfterMs > now)
    throw busy("the same bytes are being stored or deleted this moment");
  if (seen !== undefined) await takeOver(service, tenant, seen);
  const claim = { owner, sweepAfterMs: now + leaseMs };
  await service.records.write(tenant, [CLAIMS.put(path, claim, "absent")]);
}

/** For the write that makes the blob count. Stale where the claim has been taken over meanwhile. */
export async function settled(
  service: Service,
  tenant: TenantId,
  path: string,
  owner: string,
): Promise<RecordChange> {
  const seen = await CLAIMS.read(service, tenant, path);
  if (seen?.value.owner !== owner) throw new StaleWriteError({ kind: CLAIMS.kind, id: path });
  return CLAIMS.remove(path, seen);
}

/** For the write after which nothing points to the blob any more; then call `removeClaimed`. */
export function toBeRemoved(service: Service, path: string): RecordChange {
  return CLAIMS.put(path, removal(service), "absent");
}

export async function removeClaimed(service: Service, tenant: TenantId, path: string): Promise<void> {
  await service.blobs.remove(tenant, path);
  await service.records.write(tenant, [CLAIMS.remove(path, "any")]);
}

/** Gives a claim back whose blob came to nothing; where the blob counts, the claim is gone already. */
export async function abandon(service: Service, tenant: TenantId, path: string): Promise<void> {
  const claim = await CLAIMS.read(service, tenant, path);
  if (claim !== undefined) await takeOver(service, tenant, claim);
}

/** The same, but only of a claim that is `owner`'s. */
export async function abandonOwn(
  service: Service,
  tenant: TenantId,
  path: string,
  owner: string,
): Promise<void> {
  const claim = await CLAIMS.read(service, tenant, path);
  if (claim?.value.owner === owner) await takeOver(service, tenant, claim);
}

/** Removes what crashes have left. Answers how many claims that were. */
export async function sweepClaims(service: Service, tenant: TenantId): Promise<number> {
  let swept = 0;
  for await (const row of CLAIMS.all(service, tenant)) {
    if (row.value.sweepAfterMs > service.clock.now().getTime()) continue;
    await takeOver(service, tenant, row);
    swept++;
  }
  return swept;
}

/** Claimed anew before the blob is removed: whoever is only slow then finds its claim gone, and doesn't count without bytes. */
async function takeOver(service: Service, tenant: TenantId, row: Row<Claim>): Promise<void> {
  const path = row.id;
  const taken = CLAIMS.put(path, removal(service), row);
  if (!(await isWritten(service, tenant, [taken]))) return;
  // Only who holds the claim makes a blob count, so this can't change before the next line.
  if (await counts(service, tenant, path)) await service.records.write(tenant, [CLAIMS.remove(path, "any")]);
  else await removeClaimed(service, tenant, path);
}

async function counts(service: Service, tenant: TenantId, path: string): Promise<boolean> {
  const [, prompt] = /^prompts\/([0-9a-f]{64})\./.exec(path) ?? [];
  const [, file] = /^files\/(.+)$/.exec(path) ?? [];
  if (prompt !== undefined) return (await PROMPTS.read(service, tenant, prompt)) !== undefined;
  return file !== undefined && (await FILES.read(service, tenant, file)) !== undefined;
}

/** Long enough for a process that is slow, not dead. */
function removal(service: Service): Claim {
  return { owner: "removal", sweepAfterMs: service.clock.now().getTime() + LEASE_MS.removal };
}

/** How long a claim is left to its owner. */
export const LEASE_MS = { upload: 6 * 3_600_000, prompt: 15_000, removal: 60_000 } as const;
