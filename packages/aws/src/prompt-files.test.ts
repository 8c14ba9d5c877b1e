import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, it } from "vitest";
import { PromptFiles } from "./prompt-files.ts";

let folder: string;
beforeEach(async () => {
  folder = path.join(await mkdtemp(path.join(os.tmpdir(), "kilotune-files-")), "prompts");
});
afterEach(() => rm(path.dirname(folder), { recursive: true, force: true }));

async function bytesIn(): Promise<number> {
  const names = await readdir(folder);
  const sizes = await Promise.all(names.map(async (name) => (await stat(path.join(folder, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

it("gives back what was written last, to its tenant alone, within its bound", async () => {
  const step = fc.record({
    tenant: fc.constantFrom("tn-a", "tn-b"),
    prompt: fc.constantFrom("1", "2", "3"),
    size: fc.integer({ min: 0, max: 60 }),
    write: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const files = new PromptFiles(folder, 100);
      const written = new Map<string, Buffer>();
      for (const { tenant, prompt, size, write } of steps) {
        const name = `${tenant} ${prompt}`;
        if (write) {
          const bytes = Buffer.alloc(size, name);
          expect(await files.write(tenant, prompt, bytes)).toBe(true);
          written.set(name, bytes);
        } else {
          const read = await files.read(tenant, prompt);
          if (read !== undefined) expect(read).toEqual(written.get(name));
        }
        expect(await bytesIn()).toBeLessThanOrEqual(100);
      }
      await files.clear();
      expect(await readdir(folder)).toEqual([]);
    }),
    { numRuns: 40 },
  );
});

it("drops what was used longest ago, refuses what is too large, and is there for the next process", async () => {
  const files = new PromptFiles(folder, 100);
  for (const prompt of ["1", "2", "3"]) await files.write("tn-a", prompt, Buffer.alloc(30, prompt));
  await files.read("tn-a", "1");
  await files.write("tn-a", "4", Buffer.alloc(40, "4"));
  expect(await files.read("tn-a", "2")).toBeUndefined();
  expect(await files.write("tn-a", "5", Buffer.alloc(101))).toBe(false);
  await writeFile(path.join(folder, "tn-a.6.tmp"), "half");

  const next = new PromptFiles(folder, 100);
  expect(await next.read("tn-a", "1")).toEqual(Buffer.alloc(30, "1"));
  expect(await next.read("tn-a", "6")).toBeUndefined();
  expect((await readdir(folder)).sort()).toEqual(["tn-a.1", "tn-a.3", "tn-a.4"]);
});

it("is never in the way: a file that vanished, a folder that can't be", async () => {
  const files = new PromptFiles(folder, 100);
  await files.write("tn-a", "1", Buffer.from("x"));
  await rm(folder, { recursive: true });
  expect(await files.read("tn-a", "1")).toBeUndefined();
  expect(await files.write("tn-a", "2", Buffer.from("x"))).toBe(false);

  await writeFile(folder, "a file where the folder should be");
  const blocked = new PromptFiles(folder, 100);
  expect(await blocked.write("tn-a", "1", Buffer.from("x"))).toBe(false);
  expect(await blocked.read("tn-a", "1")).toBeUndefined();
});
