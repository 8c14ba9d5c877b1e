import { setTimeout } from "node:timers/promises";
import { KilotuneError } from "@kilotune/contract";

/** What an attempt answers that lost a race. */
export const AGAIN = Symbol("again");

const MAX_ATTEMPTS = 14;
const FIRST_WAIT_MS = 10;
const LONGEST_WAIT_MS = 1000;

/**
 * Attempts until one is done, with waits that grow and are random, so that rivals don't meet again.
 *
 * @throws what `attempt` throws; KilotuneError `store_busy`
 */
export async function untilDone<T>(attempt: () => Promise<T | typeof AGAIN>): Promise<T> {
  for (let tries = 0; tries < MAX_ATTEMPTS; tries++) {
    if (tries > 0) {
      await setTimeout(Math.random() * Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** tries));
    }
    const result = await attempt();
    if (result !== AGAIN) return result;
  }
  throw new KilotuneError(
    "store_busy",
    `others kept changing the same records during ${MAX_ATTEMPTS} attempts`,
    "Try again in a moment.",
    { kind: "machine", retryable: true },
  );
}
