import type { TenantId } from "@kilotune/contract";
import { describe, expect, it } from "vitest";
import type { PageRequest, RecordChange, RecordKey } from "../ports/records.ts";
import { BAD_TENANTS, newTenant, type OpenStore, shown, storeUnderTest } from "./store-under-test.ts";

const KEY: RecordKey = { kind: "job", id: "ftjob-1" };
const BAD_IDS = [
  "",
  "a b",
  "é",
  "a\n",
  "\u0000",
  "x".repeat(513),
  "\u2024\u2024/",
  "a\u007f",
  undefined,
  {},
] as string[];
const BAD_KINDS = [
  "",
  "Job",
  "job#",
  "-job",
  "job1",
  "a".repeat(33),
  "job\n",
  "../job",
  undefined,
  ["job"],
] as string[];
const BAD_PAGES: readonly PageRequest[] = [
  { limit: 0 },
  { limit: 1001 },
  { limit: 1.5 },
  { limit: Number.NaN },
  { after: "" },
  { after: "a b" },
  { prefix: "a b" },
  { prefix: "é" },
];

export function describeRefusals(open: OpenStore): void {
  describe("refuses", () => {
    const store = storeUnderTest(open);
    const refused = { name: "KilotuneError", code: "bad_store_call" };

    async function refusesKey(tenant: TenantId, key: RecordKey) {
      const changes: RecordChange[] = [
        { put: key, value: {}, expect: "any" },
        { remove: key, expect: "any" },
        { check: key, expect: "any" },
      ];
      await expect(store.records.read(tenant, key)).rejects.toMatchObject(refused);
      await expect(store.records.add(tenant, key, { n: 1 })).rejects.toMatchObject(refused);
      for (const change of changes) {
        await expect(store.records.write(tenant, [change])).rejects.toMatchObject(refused);
      }
    }

    for (const id of BAD_IDS) it(`the id ${shown(id)}`, () => refusesKey(newTenant(), { kind: "job", id }));

    for (const kind of BAD_KINDS) {
      it(`the kind ${shown(kind)}`, async () => {
        await refusesKey(newTenant(), { kind, id: "1" });
        await expect(store.records.list(newTenant(), kind)).rejects.toMatchObject(refused);
      });
    }

    for (const tenant of BAD_TENANTS) {
      it(`the tenant ${shown(tenant)}`, async () => {
        await refusesKey(tenant, KEY);
        await expect(store.records.list(tenant, "job")).rejects.toMatchObject(refused);
        await expect(store.records.write(tenant, [])).rejects.toMatchObject(refused);
        await expect(store.records.eraseTenant(tenant)).rejects.toMatchObject(refused);
      });
    }

    it.each(BAD_PAGES)("the page %j", async (page) => {
      await expect(store.records.list(newTenant(), "job", page)).rejects.toMatchObject(refused);
    });

    it("26 changes, and two of one record", async () => {
      const tenant = newTenant();
      const changes = Array.from({ length: 26 }, (_, i): RecordChange => {
        return { put: { kind: "job", id: `${i}` }, value: {}, expect: "absent" };
      });
      await expect(store.records.write(tenant, changes)).rejects.toMatchObject(refused);
      const twice: RecordChange[] = [changes[0]!, { check: { kind: "job", id: "0" }, expect: "any" }];
      await expect(store.records.write(tenant, twice)).rejects.toMatchObject(refused);
      expect((await store.records.list(tenant, "job")).records).toEqual([]);
    });

    it("a value past 300 KB, to the byte", async () => {
      const tenant = newTenant();
      const sized = (bytes: number) => ({ t: `${"é".repeat(1000)}${"x".repeat(bytes - 2000 - 8)}` });
      const put = (bytes: number) =>
        store.records.write(tenant, [{ put: KEY, value: sized(bytes), expect: "any" }]);
      expect(Buffer.byteLength(JSON.stringify(sized(5000)))).toBe(5000);
      await expect(put(300 * 1024 + 1)).rejects.toMatchObject({
        code: "record_too_large",
        message: "a job takes at most 307,200 bytes as JSON, this has 307,201",
      });
      expect(await store.records.read(tenant, KEY)).toBeUndefined();
      await put(300 * 1024);
      expect((await store.records.read(tenant, KEY))?.value).toEqual(sized(300 * 1024));
    });

    it("a write past 3 MB, and takes one just below", async () => {
      const tenant = newTenant();
      const changes = Array.from({ length: 11 }, (_, i): RecordChange => {
        return { put: { kind: "job", id: `${i}` }, value: { t: "x".repeat(300_000) }, expect: "absent" };
      });
      await expect(store.records.write(tenant, changes)).rejects.toMatchObject({ code: "record_too_large" });
      expect((await store.records.list(tenant, "job")).records).toEqual([]);
      await store.records.write(tenant, changes.slice(1));
      expect((await store.records.list(tenant, "job")).records).toHaveLength(10);
    });
  });
}
