import { PLATFORM, type TenantId } from "@kilotune/contract";
import type { Service } from "./context.ts";
import { isWritten } from "./fresh.ts";
import { PENDING } from "./kinds.ts";

/** `jobs`: unfinished ones, or events to deliver. `sweep`: what expires, and what a crash would leave. */
export type Errand = "jobs" | "sweep";

/**
 * Notes that a tenant has, or is about to have, something that somebody must come back for. Written before that, so a
 * crash leaves a note too many and never one too few; it spares the walk over all tenants.
 */
export async function notePending(service: Service, tenant: TenantId, ...errands: Errand[]): Promise<void> {
  const note = { sinceMs: service.clock.now().getTime() };
  await service.records.write(
    PLATFORM,
    errands.map((errand) => PENDING.put(`${errand}/${tenant}`, note, "any")),
  );
}

/**
 * All whose errand is due. Some at once, so that one who is slow holds up few others; and each for itself: what fails for one is thrown after
 * all have been seen.
 *
 * @throws AggregateError
 */
export async function eachPending(
  service: Service,
  errand: Errand,
  run: (tenant: TenantId) => Promise<void>,
  { atOnce = 1 } = {},
): Promise<void> {
  const errors: unknown[] = [];
  const rows = PENDING.all(service, PLATFORM, { prefix: `${errand}/` });
  const walk = async () => {
    for await (const { id, value } of rows) {
      if (value.dueAtMs !== undefined && value.dueAtMs > service.clock.now().getTime()) continue;
      const tenant = id.slice(errand.length + 1) as TenantId;
      await run(tenant).catch((error) => errors.push(error));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, walk));
  if (errors.length > 0) throw new AggregateError(errors, `${errors.length} tenants: ${String(errors[0])}`);
}

/**
 * Takes the note back where nothing is left to come back for, or puts it off until something is; unless it is younger than
 * what may still lie between a note and its reason. Whoever notes again brings it forward.
 *
 * @param due the moment from which there is something to do again; 0: the next time round; null: nothing is left
 */
export async function settlePending(
  service: Service,
  tenant: TenantId,
  errand: Errand,
  due: () => Promise<number | null>,
): Promise<void> {
  const row = await PENDING.read(service, PLATFORM, `${errand}/${tenant}`);
  if (row === undefined || row.value.sinceMs > service.clock.now().getTime() - NOTE_MS) return;
  const dueAtMs = await due();
  if (dueAtMs === null) await isWritten(service, PLATFORM, [PENDING.remove(row.id, row)]);
  else if (dueAtMs > service.clock.now().getTime())
    await isWritten(service, PLATFORM, [PENDING.put(row.id, { ...row.value, dueAtMs }, row)]);
}

const NOTE_MS = 3_600_000;
