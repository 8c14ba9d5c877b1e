import type { TenantId } from "@kilotune/contract";
import type { RecordChange } from "@kilotune/store";
import type { Service } from "./context.ts";
import { invalidValue } from "./errors.ts";
import { USAGE } from "./kinds.ts";
import { KEPT_DAYS } from "./periods.ts";
import { readQuota } from "./quota.ts";
import { DAY_SECONDS, dayOf, inSeconds } from "./time.ts";

/** A day (UTC) and a model. Tuning counts for the backbone tuned. */
export interface UsageRow {
  /** `2026-11-25` */
  readonly day: string;
  readonly model: string;
  readonly requests: number;
  readonly tokens: number;
  readonly images: number;
  readonly tuningSeconds: number;
}

export interface Usage {
  /** By day, then model. */
  readonly data: readonly UsageRow[];
  /** Now. */
  readonly storedBytes: number;
}

/** What a request or a row of a batch has used. */
export interface Amounts {
  readonly requests: number;
  readonly tokens: number;
  readonly images?: number;
}

/** Adds a request's, or a row's, share. Exact whatever runs beside it. */
export async function meter(
  service: Service,
  tenant: TenantId,
  model: string,
  amounts: Amounts,
): Promise<void> {
  const key = { kind: USAGE.kind, id: `${dayOf(service.clock.now())}/${model}` };
  await service.records.add(tenant, key, counted(amounts), { expiresAt: endOf(service) });
}

/** Goes into the write that ends a job, so that it is counted once. */
export async function tuningMetered(
  service: Service,
  tenant: TenantId,
  backbone: string,
  tuningMs: number,
): Promise<RecordChange> {
  const id = `${dayOf(service.clock.now())}/${backbone}${TUNING}`;
  const row = await USAGE.read(service, tenant, id);
  const sum = (row?.value.tuningMs ?? 0) + tuningMs;
  return USAGE.put(id, { tuningMs: sum }, row ?? "absent", endOf(service));
}

/** The share of a batch's rows; goes into the write that keeps their answers, so that they are counted once. */
export async function batchMetered(
  service: Service,
  tenant: TenantId,
  amounts: ReadonlyMap<string, Amounts>,
): Promise<RecordChange[]> {
  const day = dayOf(service.clock.now());
  const changes = [...amounts].map(async ([model, { requests, tokens, images = 0 }]) => {
    const id = `${day}/${model}${BATCH}`;
    const row = await USAGE.read(service, tenant, id);
    const { requests: before = 0, tokens: read = 0, images: seen = 0 } = row?.value ?? {};
    const sum = { requests: before + requests, tokens: read + tokens, images: seen + images };
    return USAGE.put(id, counted(sum), row ?? "absent", endOf(service));
  });
  return Promise.all(changes);
}

/** Days `from` to `to`, both included, as `2026-11-25`; by default the last 30. @throws KilotuneError `invalid_value` */
export async function getUsage(
  service: Service,
  tenant: TenantId,
  range: { readonly from?: string; readonly to?: string } = {},
): Promise<Usage> {
  const to = checkedDay("to", range.to ?? dayOf(service.clock.now()));
  const from = checkedDay("from", range.from ?? dayOf(new Date(Date.parse(to) - 29 * DAY_SECONDS * 1000)));
  const sums = new Map<string, UsageRow>();
  // `<day>` sorts before all of `<day>/..`.
  for await (const { id, value } of USAGE.all(service, tenant, { after: from })) {
    const day = id.slice(0, to.length);
    if (day > to) break;
    const [model = ""] = id.slice(day.length + 1).split("/");
    const name = `${day}/${model}`;
    const sum = sums.get(name) ?? { day, model, requests: 0, tokens: 0, images: 0, tuningSeconds: 0 };
    sums.set(name, {
      ...sum,
      requests: sum.requests + (value.requests ?? 0),
      tokens: sum.tokens + (value.tokens ?? 0),
      images: sum.images + (value.images ?? 0),
      tuningSeconds: sum.tuningSeconds + (value.tuningMs ?? 0) / 1000,
    });
  }
  const { quota } = await readQuota(service, tenant);
  return { data: [...sums.values()], storedBytes: quota.storedBytes };
}

/** Texts have none: a counter that stays zero isn't written. */
function counted({ requests, tokens, images = 0 }: Amounts): Record<string, number> {
  return { requests, tokens, ...(images === 0 ? {} : { images }) };
}

function checkedDay(param: string, day: string): string {
  const date = /^\d{4}-\d\d-\d\d$/.test(day) ? new Date(day) : undefined;
  if (date === undefined || Number.isNaN(date.getTime()) || dayOf(date) !== day)
    throw invalidValue(param, "a day such as 2026-11-25", "something else");
  return day;
}

const endOf = (service: Service) => inSeconds(service, KEPT_DAYS.usage * DAY_SECONDS);

/** A model's name has no slash. */
const TUNING = "/tuning";
const BATCH = "/batch";
