import { PLATFORM, parseTenantId, type TenantId } from "@kilotune/contract";
import type { RecordChange } from "@kilotune/store";
import { audited } from "./audit.ts";
import type { Page, PageQuery, Service, UnixSeconds } from "./context.ts";
import { invalidValue, notFound } from "./errors.ts";
import { untilFresh } from "./fresh.ts";
import { TENANTS } from "./kinds.ts";
import { listPage } from "./list-page.ts";
import { newTenantId } from "./new-id.ts";
import { onceShown, type SecretRepeat } from "./once-shown.ts";
import { type Limits, PLANS, type PlanName } from "./plans.ts";
import { nowSeconds } from "./time.ts";

export interface Tenant {
  readonly id: TenantId;
  readonly name: string;
  readonly plan: PlanName;
  /** What differs from the plan's limits. */
  readonly overrides: Partial<Limits>;
  /** `erasing`: its deletion has begun and can't be taken back. */
  readonly status: "active" | "suspended" | "erasing";
  readonly createdAt: UnixSeconds;
}

export interface TenantRequest {
  /** 1 .. 100 characters. */
  readonly name: string;
  /** Default `free`. */
  readonly plan?: string;
  readonly overrides?: Partial<Limits>;
}

/**
 * A `repeat` is told which tenant was made: its first key's secret isn't kept for it.
 *
 * @throws KilotuneError `invalid_value` (name, plan, a negative limit); `already_made`, `idempotency_key_reused`
 */
export async function createTenant(
  service: Service,
  { name, plan = "free", overrides = {} }: TenantRequest,
  repeat?: SecretRepeat,
): Promise<Tenant> {
  const settings = { name: checkedName(name), plan: checkedPlan(plan), overrides: checkedLimits(overrides) };
  const make = async (receipt: (id: string) => readonly RecordChange[]) => {
    const id = newTenantId(service);
    const tenant: Tenant = { id, ...settings, status: "active", createdAt: nowSeconds(service) };
    await service.records.write(PLATFORM, [
      TENANTS.put(id, tenant, "absent"),
      ...receipt(id),
      audited(service, "tenant.created", id, { plan }),
    ]);
    return { id, shown: tenant };
  };
  return onceShown(service, PLATFORM, repeat, make, (id) => ({
    what: `the tenant ${id}; the secret of its first key was in that answer alone`,
    hint: `Where that answer is lost, make a key of ${id} (POST /admin/tenants/${id}/keys), or delete the tenant.`,
  }));
}

/** @throws KilotuneError `not_found`, as for every id below that is malformed, foreign or unknown */
export async function getTenant(service: Service, id: string): Promise<Tenant> {
  const known = parseTenantId(id);
  const row = known && (await TENANTS.read(service, PLATFORM, known));
  if (row === undefined) throw notFound("tenant");
  return row.value;
}

/** In order of id. */
export function listTenants(service: Service, query: PageQuery = {}): Promise<Page<Tenant>> {
  return listPage(service, PLATFORM, TENANTS, query, { view: ({ value }) => value });
}

/** Changes name, plan or overrides (which are replaced as a whole), or suspends and readmits. */
export async function updateTenant(
  service: Service,
  id: string,
  change: Partial<TenantRequest> & { readonly status?: "active" | "suspended" },
): Promise<Tenant> {
  const { name, plan, overrides, status } = change;
  const changed = {
    ...(name !== undefined && { name: checkedName(name) }),
    ...(plan !== undefined && { plan: checkedPlan(plan) }),
    ...(overrides !== undefined && { overrides: checkedLimits(overrides) }),
    ...(status !== undefined && { status }),
  };
  return untilFresh(async () => {
    const known = parseTenantId(id);
    const row = known && (await TENANTS.read(service, PLATFORM, known));
    if (row === undefined || row.value.status === "erasing") throw notFound("tenant");
    const tenant: Tenant = { ...row.value, ...changed };
    await service.records.write(PLATFORM, [
      TENANTS.put(tenant.id, tenant, row),
      audited(service, "tenant.updated", tenant.id, {
        changed: Object.keys(changed),
        ...(status !== undefined && { status }),
      }),
    ]);
    return tenant;
  });
}

function checkedName(name: string): string {
  const length = [...name].length;
  if (length < 1 || length > 100) throw invalidValue("name", "1 to 100 characters", String(length));
  return name;
}

function checkedPlan(plan: string): PlanName {
  if (!Object.hasOwn(PLANS, plan))
    throw invalidValue("plan", `one of ${Object.keys(PLANS).join(", ")}`, "another");
  return plan as PlanName;
}

function checkedLimits(overrides: Partial<Limits>): Partial<Limits> {
  for (const [name, limit] of Object.entries(overrides)) {
    if (!Object.hasOwn(PLANS.free, name))
      throw invalidValue("overrides", `limits out of ${Object.keys(PLANS.free).join(", ")}`, "another");
    if (!Number.isSafeInteger(limit) || limit < 0)
      throw invalidValue(`overrides.${name}`, "a whole number from 0", String(limit));
  }
  return { ...overrides };
}
