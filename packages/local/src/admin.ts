import { access } from "node:fs/promises";
import path from "node:path";
import { KilotuneError, PLATFORM } from "@kilotune/contract";
import {
  createKey,
  createTenant,
  type Key,
  listKeys,
  listTenants,
  type NewKey,
  revokeKey,
  type Service,
  type Tenant,
  type TenantRequest,
} from "@kilotune/service";
import { openLocalStore } from "@kilotune/store/local";

/** What the platform's people do on the machine itself, while no server runs: the folder belongs to one process. */

/** A new admin key; the others end with it. */
export function rotateAdminKey(data: string): Promise<NewKey> {
  return withService(data, async (service) => {
    const old = await allKeys(service);
    // The new one first: cut off in between, there is one too many rather than none.
    const made = await createKey(service, PLATFORM, { name: "admin" });
    for (const { id, revokedAt } of old) if (revokedAt === null) await revokeKey(service, PLATFORM, id);
    return made;
  });
}

/** A tenant with its first key, which may do all that a tenant's key may. */
export function addTenant(data: string, request: TenantRequest): Promise<{ tenant: Tenant; key: NewKey }> {
  return withService(data, async (service) => {
    const tenant = await createTenant(service, request);
    return { tenant, key: await createKey(service, tenant.id) };
  });
}

export function allTenants(data: string): Promise<Tenant[]> {
  return withService(data, (service) => everyPage((after) => listTenants(service, { limit: 100, ...after })));
}

/** The secret of the first admin key; undefined where there is one already. */
export async function firstAdminKey(service: Service): Promise<string | undefined> {
  const { data } = await listKeys(service, PLATFORM, { limit: 1 });
  return data.length > 0 ? undefined : (await createKey(service, PLATFORM, { name: "admin" })).secret;
}

async function withService<T>(data: string, act: (service: Service) => Promise<T>): Promise<T> {
  // Opening would make one: a misspelt folder must not become an empty store.
  await access(path.join(data, "records.sqlite")).catch(() => {
    throw noStore(data);
  });
  await using store = await openLocalStore(data);
  const idle = async () => {};
  // Awaited here: the store closes where this function ends.
  return await act({
    records: store.records,
    blobs: store.blobs,
    clock: { now: () => new Date() },
    backbones: new Map(),
    workflow: { start: idle, stop: idle },
  });
}

function noStore(data: string): KilotuneError {
  return new KilotuneError(
    "no_store",
    `expected a server's folder, but there is none in ${data}`,
    "Give the folder of kilotune serve --data; serve makes it.",
    { kind: "usage" },
  );
}

function allKeys(service: Service): Promise<Key[]> {
  return everyPage((after) => listKeys(service, PLATFORM, { limit: 100, ...after }));
}

async function everyPage<T extends { readonly id: string }>(
  page: (after: {
    readonly after?: string;
  }) => Promise<{ readonly data: readonly T[]; readonly hasMore: boolean }>,
): Promise<T[]> {
  const all: T[] = [];
  for (let more = true; more; ) {
    const last = all.at(-1);
    const { data, hasMore } = await page(last === undefined ? {} : { after: last.id });
    all.push(...data);
    more = hasMore;
  }
  return all;
}
