import { describe, expect, it } from "vitest";
import type { RecordKey } from "../ports/records.ts";
import { newTenant, type OpenStore, storeUnderTest } from "./store-under-test.ts";

const KEY: RecordKey = { kind: "usage", id: "2026-11-25" };

export function describeAdding(open: OpenStore): void {
  describe("add", () => {
    const store = storeUnderTest(open);

    it("counts from nothing, and answers all numbers", async () => {
      const tenant = newTenant();
      expect(await store.records.add(tenant, KEY, { requests: 1 })).toEqual({ requests: 1 });
      expect(await store.records.add(tenant, KEY, { tokens: 12, requests: 2 })).toEqual({
        requests: 3,
        tokens: 12,
      });
      expect(await store.records.add(tenant, KEY, { requests: -3 })).toEqual({ requests: 0, tokens: 12 });
      expect(await store.records.read(tenant, KEY)).toEqual({
        key: KEY,
        revision: 3,
        value: { requests: 0, tokens: 12 },
      });
    });

    it("goes on from a record that was put, and puts see its revisions", async () => {
      const tenant = newTenant();
      await store.records.write(tenant, [{ put: KEY, value: { requests: 5 }, expect: "absent" }]);
      expect(await store.records.add(tenant, KEY, { requests: 1 })).toEqual({ requests: 6 });
      const stale = { put: KEY, value: { requests: 0 }, expect: { revision: 1 } } as const;
      await expect(store.records.write(tenant, [stale])).rejects.toMatchObject({ name: "StaleWriteError" });
      await store.records.write(tenant, [{ ...stale, expect: { revision: 2 } }]);
      expect(await store.records.add(tenant, KEY, { requests: 1 })).toEqual({ requests: 1 });
    });

    it("adds all amounts or none: up to a limit, and not past it", async () => {
      const tenant = newTenant();
      const add = (requests: number, atMost: Record<string, number>) =>
        store.records.add(tenant, KEY, { requests, tokens: 1 }, { atMost });
      expect(await add(11, { requests: 10 })).toBeUndefined();
      expect(await store.records.read(tenant, KEY)).toBeUndefined();
      expect(await add(10, { requests: 10 })).toEqual({ requests: 10, tokens: 1 });
      expect(await add(1, { requests: 10 })).toBeUndefined();
      expect(await add(1, { requests: 20, tokens: 1 })).toBeUndefined();
      expect(await add(1, { requests: 11, tokens: 2 })).toEqual({ requests: 11, tokens: 2 });
      expect(await add(1, { images: -1 })).toBeUndefined();
      expect(await add(-11, { images: 0 })).toEqual({ requests: 0, tokens: 3 });
    });

    it("loses none of 50 calls at once", async () => {
      const tenant = newTenant();
      const calls = Array.from({ length: 50 }, () =>
        store.records.add(tenant, KEY, { requests: 1, tokens: 7 }),
      );
      const sums = (await Promise.all(calls)).map((numbers) => numbers?.requests ?? 0);
      expect(sums.sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
      expect((await store.records.read(tenant, KEY))?.value).toEqual({ requests: 50, tokens: 350 });
    });

    it("lets exactly as many of 50 calls in as the limit says", async () => {
      const tenant = newTenant();
      const options = { atMost: { requests: 20 } };
      const calls = Array.from({ length: 50 }, () =>
        store.records.add(tenant, KEY, { requests: 1 }, options),
      );
      const let_in = (await Promise.all(calls)).filter((numbers) => numbers !== undefined);
      expect(let_in).toHaveLength(20);
      expect((await store.records.read(tenant, KEY))?.value).toEqual({ requests: 20 });
    });

    it("keeps the record's time unless another is given, and starts anew once it has come", async () => {
      const tenant = newTenant();
      const expiresAt = store.clock.in(1000);
      await store.records.add(tenant, KEY, { requests: 1 }, { expiresAt });
      await store.records.add(tenant, KEY, { requests: 1 });
      expect((await store.records.read(tenant, KEY))?.expiresAt).toEqual(expiresAt);
      const later = store.clock.in(2000);
      await store.records.add(tenant, KEY, { requests: 1 }, { expiresAt: later });
      store.clock.pass(1999);
      expect((await store.records.read(tenant, KEY))?.value).toEqual({ requests: 3 });
      store.clock.pass(1);
      expect(await store.records.add(tenant, KEY, { tokens: 1 })).toEqual({ tokens: 1 });
      expect(await store.records.read(tenant, KEY)).toEqual({ key: KEY, revision: 1, value: { tokens: 1 } });
    });

    it("counts anew past a limit that an expired record had reached", async () => {
      const tenant = newTenant();
      const add = () =>
        store.records.add(tenant, KEY, { n: 1 }, { expiresAt: store.clock.in(1000), atMost: { n: 1 } });
      expect(await add()).toEqual({ n: 1 });
      expect(await add()).toBeUndefined();
      store.clock.pass(1000);
      expect(await add()).toEqual({ n: 1 });
    });

    it.each([
      [{ name: "text" }],
      [{ requests: 0.5 }],
      [{ requests: 1, more: { requests: 1 } }],
      [JSON.parse('{"__proto__":1}')],
      [{ requests: null }],
    ])("leaves %j alone: not whole numbers only", async (value) => {
      const tenant = newTenant();
      await store.records.write(tenant, [{ put: KEY, value, expect: "absent" }]);
      await expect(store.records.add(tenant, KEY, { requests: 1 })).rejects.toMatchObject({
        code: "not_a_counter",
      });
      expect((await store.records.read(tenant, KEY))?.revision).toBe(1);
    });

    it.each([
      ["half", { requests: 0.5 }, {}],
      ["NaN", { requests: Number.NaN }, {}],
      ["infinity", { requests: 1 }, { requests: Number.POSITIVE_INFINITY }],
      ["a name of objects", JSON.parse('{"__proto__":1}'), {}],
      ["a path", { "a.b": 1 }, {}],
      ["a limit's path", { a: 1 }, { "a[0]": 1 }],
      ["no name", { "": 1 }, {}],
      ["a placeholder", { "#n0": 1 }, {}],
    ])("refuses %s", async (_, amounts, atMost) => {
      const added = store.records.add(newTenant(), KEY, amounts, { atMost });
      await expect(added).rejects.toMatchObject({ code: "bad_store_call" });
    });

    it("takes names that objects have by birth", async () => {
      const tenant = newTenant();
      const numbers = { constructor: 1, toString: 2, hasOwnProperty: 3 };
      await store.records.add(tenant, KEY, numbers as unknown as Record<string, number>);
      expect({ ...(await store.records.add(tenant, KEY, { constructor: 1 } as never)) }).toEqual({
        ...numbers,
        constructor: 2,
      });
    });
  });
}
