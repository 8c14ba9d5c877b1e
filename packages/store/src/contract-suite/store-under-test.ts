import { randomBytes } from "node:crypto";
import type { TenantId } from "@kilotune/contract";
import { afterAll, beforeAll } from "vitest";
import type { Blobs } from "../ports/blobs.ts";
import type { Clock } from "../ports/clock.ts";
import type { Records } from "../ports/records.ts";

/** One adapter's store, opened for a suite and emptied afterwards. It must tell time by this clock alone. */
export type OpenStore = (clock: Clock) => Promise<{
  readonly records: Records;
  readonly blobs: Blobs;
  cleanup(): Promise<void>;
}>;

/** Opens the store before the tests of the describe block that it is called in; every test takes tenants of its own. */
export function storeUnderTest(open: OpenStore) {
  const clock = new MovableClock();
  let store: Awaited<ReturnType<OpenStore>>;
  beforeAll(async () => {
    store = await open(clock);
  });
  afterAll(() => store?.cleanup());
  return {
    clock,
    get records() {
      return store.records;
    },
    get blobs() {
      return store.blobs;
    },
  };
}

export class MovableClock implements Clock {
  #ms = Date.UTC(2026, 10, 25);

  now(): Date {
    return new Date(this.#ms);
  }

  pass(ms: number): void {
    this.#ms += ms;
  }

  /** That many milliseconds from now. */
  in(ms: number): Date {
    return new Date(this.#ms + ms);
  }
}

export function newTenant(): TenantId {
  return `tn-${randomBytes(8).toString("hex")}` as TenantId;
}

/** What no call may take as a tenant. */
export const BAD_TENANTS = [
  "",
  "tn-",
  "tn-A",
  "tn-a/b",
  "tn-..",
  "a",
  "tn-a#b",
  "tn-a\n",
  undefined,
  null,
] as TenantId[];

/** A hostile value as part of a test's name. */
export function shown(value: unknown): string {
  return String(JSON.stringify(value)).slice(0, 40);
}
