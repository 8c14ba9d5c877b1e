import { KilotuneError, type TenantId } from "@kilotune/contract";
import { type RecordChange, StaleWriteError } from "@kilotune/store";
import type { Service } from "./context.ts";

/**
 * Reads, decides and writes in one `attempt`; another where somebody wrote between its reading and its writing. Every
 * attempt must read afresh all that it decides by. Each round lets at least one writer through.
 *
 * @throws KilotuneError `busy` (retryable)
 */
export async function untilFresh<T>(attempt: () => Promise<T>): Promise<T> {
  for (let left = ATTEMPTS; left > 0; left--) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof StaleWriteError)) throw error;
    }
  }
  throw busy("too many requests change the same thing at once");
}

/** For a write that needn't happen where somebody came between. */
export async function isWritten(
  service: Service,
  tenant: TenantId,
  changes: readonly RecordChange[],
): Promise<boolean> {
  try {
    await service.records.write(tenant, changes);
    return true;
  } catch (error) {
    if (error instanceof StaleWriteError) return false;
    throw error;
  }
}

export function busy(what: string): KilotuneError {
  return new KilotuneError("busy", `${what}.`, "Try again in a moment.", {
    kind: "machine",
    retryable: true,
  });
}

const ATTEMPTS = 100;
