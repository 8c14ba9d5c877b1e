import type { TenantId } from "@kilotune/contract";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Expectation, JsonObject, RecordKey, Records } from "../ports/records.ts";
import { type MovableClock, newTenant, type OpenStore, storeUnderTest } from "./store-under-test.ts";

/** Random histories of two tenants, call by call beside a model of a few lines; each answer must be the model's. */
export function describeModel(open: OpenStore, runs: number): void {
  describe("random histories", () => {
    const store = storeUnderTest(open);

    it("answers as the model does, and no tenant sees the other's", async () => {
      const history = fc.array(step, { minLength: 10, maxLength: 40 });
      await fc.assert(
        fc.asyncProperty(history, async (steps) => {
          const tenants = [newTenant(), newTenant()] as const;
          const model = new Model(store.clock);
          for (const at of steps) {
            if ("passMs" in at) store.clock.pass(at.passMs);
            else
              expect(await call(store.records, tenants[at.tenant], at, store.clock)).toEqual(
                model.answer(at),
              );
          }
        }),
        { numRuns: runs, endOnFailure: true },
      );
    });
  });
}

type Change = {
  does: "put" | "remove" | "check";
  key: RecordKey;
  expect: Expectation;
  value: JsonObject;
  lastsMs?: number;
};
type Call = { tenant: 0 | 1 } & (
  | { call: "read"; key: RecordKey }
  | { call: "list"; kind: string }
  | { call: "write"; changes: readonly Change[] }
  | { call: "add"; key: RecordKey; amount: number; atMost: number; lastsMs?: number }
  | { call: "erase" }
);

const key = fc.record({
  kind: fc.constantFrom("job", "job-event"),
  id: fc.constantFrom("a", "b", "__proto__"),
});
const lastsMs = fc.option(fc.constantFrom(5, 10, 20), { nil: undefined });
const expected = fc.oneof(
  fc.constantFrom<Expectation[]>("absent", "present", "any"),
  fc.record({ revision: fc.integer({ min: 1, max: 3 }) }),
);
const value = fc.oneof(
  fc.record({ n: fc.integer({ min: 0, max: 3 }) }),
  fc.record({ text: fc.string({ unit: "binary", maxLength: 5 }) }),
);
const change = fc.record({
  does: fc.constantFrom("put", "put", "remove", "check"),
  key,
  expect: expected,
  value,
  lastsMs,
});
const sameKey = (a: Change) => `${a.key.kind} ${a.key.id}`;
const tenant = fc.constantFrom(0, 1);
const step = fc.oneof(
  fc.record({ passMs: fc.constantFrom(1, 5, 10) }),
  fc.record({ call: fc.constant("read"), tenant, key }),
  fc.record({ call: fc.constant("list"), tenant, kind: fc.constantFrom("job", "job-event") }),
  fc.record({
    call: fc.constant("write"),
    tenant,
    changes: fc.uniqueArray(change as fc.Arbitrary<Change>, { maxLength: 4, selector: sameKey }),
  }),
  fc.record({
    call: fc.constant("add"),
    tenant,
    key,
    amount: fc.integer({ min: -1, max: 2 }),
    atMost: fc.constant(3),
    lastsMs,
  }),
  fc.record({ call: fc.constant("erase"), tenant }),
) as fc.Arbitrary<Call | { passMs: number }>;

async function call(records: Records, of: TenantId, at: Call, clock: MovableClock): Promise<unknown> {
  const time = (ms: number | undefined) => (ms === undefined ? {} : { expiresAt: clock.in(ms) });
  try {
    if (at.call === "read") return await records.read(of, at.key);
    if (at.call === "list") return (await records.list(of, at.kind)).records;
    if (at.call === "add") {
      return await records.add(
        of,
        at.key,
        { n: at.amount },
        { atMost: { n: at.atMost }, ...time(at.lastsMs) },
      );
    }
    if (at.call === "write") {
      const changes = at.changes.map(({ does, key, expect, value, lastsMs }) => {
        if (does === "put") return { put: key, value, expect, ...time(lastsMs) };
        return does === "remove" ? { remove: key, expect } : { check: key, expect };
      });
      return await records.write(of, changes);
    }
    await records.eraseTenant(of); // The number depends on what expired and was swept before.
    return undefined;
  } catch (error) {
    const { name, code, key } = error as { name: string; code?: string; key?: RecordKey };
    return { name, code, key };
  }
}

interface Held {
  readonly key: RecordKey;
  readonly revision: number;
  readonly value: JsonObject;
  readonly expiresAt?: Date;
}

class Model {
  readonly #tenants: readonly Map<string, Held>[] = [new Map(), new Map()];
  readonly #clock: MovableClock;

  constructor(clock: MovableClock) {
    this.#clock = clock;
  }

  answer(at: Call): unknown {
    for (const held of this.#tenants) {
      for (const [name, { expiresAt }] of held) {
        if (expiresAt !== undefined && expiresAt <= this.#clock.now()) held.delete(name);
      }
    }
    const held = this.#tenants[at.tenant]!;
    if (at.call === "read") return held.get(nameOf(at.key));
    if (at.call === "list") {
      const all = [...held.values()].filter(({ key }) => key.kind === at.kind);
      return all.sort((a, b) => (a.key.id < b.key.id ? -1 : 1));
    }
    if (at.call === "write") return this.#write(held, at.changes);
    if (at.call === "add") return this.#add(held, at);
    return void held.clear();
  }

  #write(held: Map<string, Held>, changes: readonly Change[]): unknown {
    const stale = changes.find(({ key, expect }) => {
      const revision = held.get(nameOf(key))?.revision;
      if (expect === "any") return false;
      if (expect === "absent") return revision !== undefined;
      return expect === "present" ? revision === undefined : revision !== expect.revision;
    });
    if (stale !== undefined) return { name: "StaleWriteError", code: undefined, key: stale.key };
    for (const { does, key, value, lastsMs } of changes) {
      if (does === "put") this.#put(held, key, value, lastsMs);
      if (does === "remove") held.delete(nameOf(key));
    }
    return undefined;
  }

  #add(held: Map<string, Held>, { key, amount, atMost, lastsMs }: Extract<Call, { call: "add" }>): unknown {
    const before = held.get(nameOf(key));
    if (before !== undefined && !("n" in before.value)) {
      return { name: "KilotuneError", code: "not_a_counter", key: undefined };
    }
    const value = { n: Number(before?.value.n ?? 0) + amount };
    if (value.n > atMost) return undefined;
    this.#put(held, key, value, lastsMs, before?.expiresAt);
    return value;
  }

  #put(held: Map<string, Held>, key: RecordKey, value: JsonObject, lastsMs?: number, until?: Date): void {
    const revision = (held.get(nameOf(key))?.revision ?? 0) + 1;
    const expiresAt = lastsMs === undefined ? until : this.#clock.in(lastsMs);
    held.set(nameOf(key), { key, revision, value, ...(expiresAt && { expiresAt }) });
  }
}

const nameOf = ({ kind, id }: RecordKey) => `${kind} ${id}`;
