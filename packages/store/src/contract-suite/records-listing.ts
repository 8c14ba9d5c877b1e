import type { TenantId } from "@kilotune/contract";
import { beforeAll, describe, expect, it } from "vitest";
import type { PageRequest } from "../ports/records.ts";
import { newTenant, type OpenStore, storeUnderTest } from "./store-under-test.ts";

/** In byte order, with what sorts otherwise by other rules. */
const IDS = [
  "!",
  "#",
  "-a",
  "0",
  "10",
  "2",
  "A",
  "B",
  "Z",
  "a",
  "a!",
  "a#b",
  "a-",
  "a/",
  "aB",
  "ab",
  "a~",
  "b",
  "z",
  "~",
  "~~",
];

export function describeListing(open: OpenStore): void {
  describe("list", () => {
    const store = storeUnderTest(open);
    const tenant = newTenant();

    async function fill(into: TenantId, kind: string, ids: readonly string[]) {
      for (let at = 0; at < ids.length; at += 25) {
        const part = ids.slice(at, at + 25);
        await store.records.write(
          into,
          part.map((id) => ({ put: { kind, id }, value: { id }, expect: "absent" })),
        );
      }
    }

    async function idsOf(page: PageRequest, of = tenant, kind = "job") {
      const { records, hasMore } = await store.records.list(of, kind, page);
      return [...records.map(({ key }) => key.id), ...(hasMore ? ["more"] : [])];
    }

    beforeAll(async () => {
      await fill(tenant, "job", [...IDS].reverse());
      // Neighbours that a careless range would take in.
      for (const kind of ["jo", "job-event", "jobs", "k"]) await fill(tenant, kind, ["a", "~"]);
    });

    it("goes by bytes, either way", async () => {
      expect(await idsOf({})).toEqual(IDS);
      expect(await idsOf({ order: "desc" })).toEqual([...IDS].reverse());
    });

    it.each<"asc" | "desc">(["asc", "desc"])(
      "pages through everything once, whatever the limit: %s",
      async (order) => {
        const all = order === "asc" ? IDS : [...IDS].reverse();
        for (const limit of [1, 2, 7, IDS.length - 1, IDS.length, IDS.length + 1]) {
          const seen: string[] = [];
          for (let more = true; more; ) {
            const after = seen.at(-1);
            const page = await store.records.list(tenant, "job", { limit, order, ...(after && { after }) });
            seen.push(...page.records.map(({ key }) => key.id));
            more = page.hasMore;
            if (more) expect(page.records).toHaveLength(limit);
          }
          expect(seen).toEqual(all);
        }
      },
    );

    it("takes a prefix, and a place to go on within it or outside", async () => {
      const begin = IDS.filter((id) => id.startsWith("a"));
      expect(await idsOf({ prefix: "a" })).toEqual(begin);
      expect(await idsOf({ prefix: "a", order: "desc" })).toEqual([...begin].reverse());
      expect(await idsOf({ prefix: "a", limit: 3 })).toEqual(["a", "a!", "a#b", "more"]);
      expect(await idsOf({ prefix: "a", after: "aB" })).toEqual(["ab", "a~"]);
      expect(await idsOf({ prefix: "a", after: "a!", order: "desc" })).toEqual(["a"]);
      expect(await idsOf({ prefix: "a", after: "0" })).toEqual(begin);
      expect(await idsOf({ prefix: "a", after: "b" })).toEqual([]);
      expect(await idsOf({ prefix: "a", after: "b", order: "desc" })).toEqual([...begin].reverse());
      expect(await idsOf({ prefix: "a", after: "0", order: "desc" })).toEqual([]);
      expect(await idsOf({ prefix: "zzz" })).toEqual([]);
    });

    it("goes on after an id that isn't there any more", async () => {
      const mine = newTenant();
      await fill(mine, "job", ["a", "b", "c"]);
      await store.records.write(mine, [{ remove: { kind: "job", id: "b" }, expect: "present" }]);
      expect(await idsOf({ after: "b" }, mine)).toEqual(["c"]);
      expect(await idsOf({ after: "b", order: "desc" }, mine)).toEqual(["a"]);
    });

    it("counts no expired record", async () => {
      const mine = newTenant();
      const ids = Array.from({ length: 25 }, (_, i) => String.fromCharCode(97 + i));
      const expiresAt = store.clock.in(1000);
      const brief = ids.slice(2, 24);
      await fill(
        mine,
        "job",
        ids.filter((id) => !brief.includes(id)),
      );
      await store.records.write(
        mine,
        brief.map((id) => ({ put: { kind: "job", id }, value: {}, expect: "absent", expiresAt })),
      );
      expect(await idsOf({ limit: 2 }, mine)).toEqual(["a", "b", "more"]);
      store.clock.pass(1000);
      expect(await idsOf({ limit: 2 }, mine)).toEqual(["a", "b", "more"]);
      expect(await idsOf({ limit: 3 }, mine)).toEqual(["a", "b", "y"]);
      expect(await idsOf({ limit: 1, after: "b" }, mine)).toEqual(["y"]);
      expect(await idsOf({ limit: 1, after: "y" }, mine)).toEqual([]);
    });

    it("gives 100 records where nothing is said, and up to 1,000", async () => {
      const mine = newTenant();
      const ids = Array.from({ length: 1001 }, (_, i) => String(i).padStart(4, "0"));
      await fill(mine, "event", ids);
      expect(await idsOf({}, mine, "event")).toEqual([...ids.slice(0, 100), "more"]);
      expect(await idsOf({ limit: 1000 }, mine, "event")).toEqual([...ids.slice(0, 1000), "more"]);
      expect(await idsOf({ limit: 1000, after: "0000" }, mine, "event")).toEqual(ids.slice(1));
    });

    it("puts pages together that a database cuts at its own size", async () => {
      const mine = newTenant();
      const text = "x".repeat(250_000);
      const ids = Array.from({ length: 12 }, (_, i) => `${i}`.padStart(2, "0"));
      for (const id of ids) {
        await store.records.write(mine, [{ put: { kind: "job", id }, value: { text }, expect: "absent" }]);
      }
      const { records, hasMore } = await store.records.list(mine, "job", { limit: 11 });
      expect(records.map(({ key, value }) => [key.id, value.text === text])).toEqual(
        ids.slice(0, 11).map((id) => [id, true]),
      );
      expect(hasMore).toBe(true);
    });
  });
}
