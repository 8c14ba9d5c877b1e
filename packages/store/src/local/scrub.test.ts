import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { TenantId } from "@kilotune/contract";
import fc from "fast-check";
import { expect, it } from "vitest";
import { openLocalStore } from "./open-local-store.ts";

const GONE = "tn-gone" as TenantId;
const STAYS = "tn-stays" as TenantId;

/** What is done with a record: whose it is, which, and how long it becomes; 0 removes it. */
const step = fc.record({
  isGone: fc.integer({ min: 0, max: 9 }).map((draw) => draw < 3),
  id: fc.integer({ min: 0, max: 20 }),
  length: fc.integer({ min: 0, max: 300 }),
});

/** Records that grow, shrink and go split pages and merge them: SQLite leaves copies in their free space. */
it.each([3, 4, 11])(
  "an erased tenant's words are nowhere in the files, whichever pages its records were on (%i)",
  async (seed) => {
    const folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-scrub-"));
    const store = await openLocalStore(folder);
    try {
      const steps = fc.sample(step, { numRuns: 600, seed });
      for (const { isGone, id, length } of steps) {
        const key = { kind: "job", id: String(id) };
        const value = { words: (isGone ? "qzvanishing " : "other ").repeat(length) };
        const change =
          length === 0
            ? ({ remove: key, expect: "any" } as const)
            : ({ put: key, value, expect: "any" } as const);
        await store.records.write(isGone ? GONE : STAYS, [change]);
      }
      const { records } = await store.records.list(STAYS, "job");
      await store.records.eraseTenant(GONE);
      await store.records.scrub();
      expect(await filesWith(folder, "qzvanishing")).toEqual([]);
      expect(await filesWith(folder, "other")).not.toEqual([]);
      expect((await store.records.list(STAYS, "job")).records).toEqual(records);
    } finally {
      await store.close();
      await rm(folder, { recursive: true });
    }
  },
);

async function filesWith(folder: string, word: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((each) => each.isFile()).map((each) => path.join(each.parentPath, each.name));
  const found = await Promise.all(
    files.map(async (file) => ((await readFile(file)).includes(word) ? [file] : [])),
  );
  return found.flat();
}
