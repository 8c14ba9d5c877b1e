import { describe, expect, it } from "vitest";
import { type Expectation, type RecordChange, type RecordKey, StaleWriteError } from "../ports/records.ts";
import { newTenant, type OpenStore, storeUnderTest } from "./store-under-test.ts";

const KEY: RecordKey = { kind: "job", id: "ftjob-1" };
const keyOf = (id: string | number): RecordKey => ({ kind: "job", id: `ftjob-${id}` });
const put = (key: RecordKey, expected: Expectation, value = {}): RecordChange => ({
  put: key,
  value,
  expect: expected,
});

/** Which expectations hold of which record. */
const HOLDS: readonly [state: string, expected: Expectation, holds: boolean][] = [
  ["none", "absent", true],
  ["none", "present", false],
  ["none", "any", true],
  ["none", { revision: 1 }, false],
  ["revision 2", "absent", false],
  ["revision 2", "present", true],
  ["revision 2", "any", true],
  ["revision 2", { revision: 1 }, false],
  ["revision 2", { revision: 2 }, true],
  ["revision 2", { revision: 3 }, false],
  ["expired", "absent", true],
  ["expired", "present", false],
  ["expired", "any", true],
  ["expired", { revision: 1 }, false],
];

export function describeWriting(open: OpenStore): void {
  describe("read and write", () => {
    const store = storeUnderTest(open);

    async function tenantWith(state: string) {
      const tenant = newTenant();
      if (state === "revision 2") {
        await store.records.write(tenant, [put(KEY, "absent", { before: 1 })]);
        await store.records.write(tenant, [put(KEY, { revision: 1 }, { before: 2 })]);
      }
      if (state === "expired") {
        const expiresAt = store.clock.in(1000);
        await store.records.write(tenant, [{ put: KEY, value: { before: 1 }, expect: "absent", expiresAt }]);
        store.clock.pass(1000);
      }
      return { tenant, before: await store.records.read(tenant, KEY) };
    }

    for (const [state, expected, holds] of HOLDS) {
      const words = `${JSON.stringify(expected)} ${holds ? "holds" : "fails"} where there is ${state}`;

      it(`put: ${words}`, async () => {
        const { tenant, before } = await tenantWith(state);
        const written = store.records.write(tenant, [put(KEY, expected, { after: true })]);
        if (!holds) await expect(written).rejects.toMatchObject({ name: "StaleWriteError", key: KEY });
        await written.catch(() => {});
        const revision = (before?.revision ?? 0) + 1;
        const after = holds ? { key: KEY, revision, value: { after: true } } : before;
        expect(await store.records.read(tenant, KEY)).toEqual(after);
      });

      it(`remove: ${words}`, async () => {
        const { tenant, before } = await tenantWith(state);
        const written = store.records.write(tenant, [{ remove: KEY, expect: expected }]);
        if (!holds) await expect(written).rejects.toMatchObject({ name: "StaleWriteError", key: KEY });
        await written.catch(() => {});
        expect(await store.records.read(tenant, KEY)).toEqual(holds ? undefined : before);
      });

      it(`check: ${words}`, async () => {
        const { tenant, before } = await tenantWith(state);
        const other = keyOf("other");
        const changes: RecordChange[] = [put(other, "absent"), { check: KEY, expect: expected }];
        const written = store.records.write(tenant, changes);
        if (!holds) await expect(written).rejects.toMatchObject({ name: "StaleWriteError", key: KEY });
        await written.catch(() => {});
        expect(await store.records.read(tenant, KEY)).toEqual(before);
        expect((await store.records.read(tenant, other)) !== undefined).toBe(holds);
      });
    }

    it("counts revisions from 1, and anew once the record was removed", async () => {
      const tenant = newTenant();
      for (const revision of [1, 2, 3]) {
        await store.records.write(tenant, [put(KEY, "any")]);
        expect(await store.records.read(tenant, KEY)).toEqual({ key: KEY, revision, value: {} });
      }
      await store.records.write(tenant, [{ remove: KEY, expect: "present" }]);
      await store.records.write(tenant, [put(KEY, "absent")]);
      expect((await store.records.read(tenant, KEY))?.revision).toBe(1);
    });

    it("writes 25 changes or none of them, and names the one that failed", async () => {
      const tenant = newTenant();
      const keys = Array.from({ length: 25 }, (_, i) => keyOf(i));
      await store.records.write(tenant, [put(keys[23]!, "absent"), put(keys[24]!, "absent")]);
      const failing = keys.map((key, i) => put(key, i === 23 ? "present" : "absent"));
      await expect(store.records.write(tenant, failing)).rejects.toMatchObject({ key: keys[24] });
      expect((await store.records.list(tenant, "job")).records).toHaveLength(2);

      const right = keys.map((key, i) => put(key, i < 23 ? "absent" : { revision: 1 }));
      await store.records.write(tenant, right);
      expect((await store.records.list(tenant, "job")).records.map(({ revision }) => revision)).toEqual(
        (await store.records.list(tenant, "job")).records.map(({ key }) => (/2[34]$/.test(key.id) ? 2 : 1)),
      );
    });

    it("takes a write without changes, or of nothing but checks", async () => {
      const tenant = newTenant();
      await store.records.write(tenant, []);
      await store.records.write(tenant, [{ check: KEY, expect: "any" }]);
      await store.records.write(tenant, [{ check: KEY, expect: "absent" }]);
      expect(await store.records.read(tenant, KEY)).toBeUndefined();
    });

    it.each<[string, Expectation]>([
      ["make a record", "absent"],
      ["change a record", { revision: 1 }],
    ])("lets exactly one of 20 win that %s at once", async (_, expected) => {
      const tenant = newTenant();
      if (expected !== "absent") await store.records.write(tenant, [put(KEY, "absent")]);
      const tries = Array.from({ length: 20 }, (_, by) =>
        store.records.write(tenant, [put(KEY, expected, { by })]),
      );
      const ends = await Promise.allSettled(tries);
      const winners = ends.flatMap(({ status }, by) => (status === "fulfilled" ? [by] : []));
      expect(winners).toHaveLength(1);
      for (const end of ends) {
        if (end.status === "rejected") expect(end.reason).toBeInstanceOf(StaleWriteError);
      }
      expect((await store.records.read(tenant, KEY))?.value).toEqual({ by: winners[0] });
    });

    it("lets exactly one of two win that change the same records in opposite order", async () => {
      const tenant = newTenant();
      const [left, right] = [keyOf("left"), keyOf("right")];
      for (let round = 0; round < 10; round++) {
        const now = round === 0 ? "absent" : { revision: round };
        const changes = (by: string) => [put(left, now, { by }), put(right, now, { by })];
        const ends = await Promise.allSettled([
          store.records.write(tenant, changes("a")),
          store.records.write(tenant, changes("b").reverse()),
        ]);
        expect(ends.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
        const [one, other] = (await store.records.list(tenant, "job")).records;
        expect(one?.value).toEqual(other?.value);
      }
    });

    it("loses none of 20 writes that expect nothing", async () => {
      const tenant = newTenant();
      await Promise.all(
        Array.from({ length: 20 }, (_, by) => store.records.write(tenant, [put(KEY, "any", { by })])),
      );
      expect((await store.records.read(tenant, KEY))?.revision).toBe(20);
    });

    it("shows a record until its time, and from then on no more", async () => {
      const tenant = newTenant();
      const expiresAt = store.clock.in(60_000);
      await store.records.write(tenant, [{ put: KEY, value: { a: 1 }, expect: "absent", expiresAt }]);
      store.clock.pass(59_999);
      expect(await store.records.read(tenant, KEY)).toEqual({
        key: KEY,
        revision: 1,
        value: { a: 1 },
        expiresAt,
      });
      store.clock.pass(1);
      expect(await store.records.read(tenant, KEY)).toBeUndefined();
      expect((await store.records.list(tenant, "job")).records).toEqual([]);
    });

    it("keeps a record for good once it is written without a time", async () => {
      const tenant = newTenant();
      const expiresAt = store.clock.in(1000);
      await store.records.write(tenant, [{ put: KEY, value: {}, expect: "absent", expiresAt }]);
      await store.records.write(tenant, [put(KEY, "present")]);
      store.clock.pass(5000);
      expect(await store.records.read(tenant, KEY)).toEqual({ key: KEY, revision: 2, value: {} });
    });

    it.each([
      [
        "names that objects have",
        '{"__proto__":{"admin":true},"constructor":1,"toString":null,"a":{"__proto__":[]}}',
      ],
      ["names that programs use", '{"":1,"a.b":2,"#0":3,":v":4,"a b":5,"numbers":{"json":"x"},"pk":"y"}'],
      ["numbers", '{"whole":9007199254740991,"large":1e300,"small":5e-324,"negative":-0.5,"zero":0}'],
      ["texts", '{"text":"\\u0000\\ud800 \\n 👋 é 漢 \\"\\\\ \\u2028","empty":"","list":[],"none":null}'],
      ["whole numbers alone", '{"requests":3,"tokens":-4}'],
      ["nothing", "{}"],
      ["50 levels", `{"a":${"[".repeat(50)}${"]".repeat(50)}}`],
    ])("gives back %s as they were", async (_, json) => {
      const tenant = newTenant();
      await store.records.write(tenant, [put(KEY, "absent", JSON.parse(json))]);
      const found = await store.records.read(tenant, KEY);
      expect(sorted(found?.value)).toBe(sorted(JSON.parse(json)));
      expect((await store.records.list(tenant, "job")).records).toEqual([found]);
    });

    it("removes a tenant's records, expired ones too, and nobody else's", async () => {
      const [tenant, other] = [newTenant(), newTenant()];
      const batch = Array.from({ length: 25 }, (_, i) => i);
      for (const kind of ["event", "job", "usage"]) {
        for (const part of ["a", "b"]) {
          const changes = batch.map((i) => put({ kind, id: part + i }, "absent", { i }));
          await store.records.write(tenant, changes);
        }
      }
      await store.records.write(other, [put(KEY, "absent")]);
      const gone = { put: keyOf("gone"), value: {}, expect: "absent", expiresAt: store.clock.in(1) } as const;
      await store.records.write(tenant, [gone]);
      store.clock.pass(1);
      expect(await store.records.eraseTenant(tenant)).toBe(151);
      for (const kind of ["event", "job", "usage"]) {
        expect(await store.records.list(tenant, kind)).toEqual({ records: [], hasMore: false });
      }
      expect(await store.records.eraseTenant(tenant)).toBe(0);
      expect((await store.records.list(other, "job")).records).toHaveLength(1);
    });
  });
}

/** JSON with its names in order: an adapter needn't keep theirs. */
function sorted(value: unknown): string {
  return JSON.stringify(value, (_, part) =>
    part !== null && typeof part === "object" && !Array.isArray(part) ? Object.entries(part).sort() : part,
  );
}
