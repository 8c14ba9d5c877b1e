import { chmod, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { readZip } from "./read-zip.ts";
import { writeZip } from "./write-zip.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-zip-"));
});
afterEach(() => rm(folder, { recursive: true }));

const files = async () => {
  const a = path.join(folder, "a");
  await writeFile(a, "a".repeat(10_000));
  return [
    { path: "deep/er/a", source: a },
    { path: "b.json", source: Buffer.from("{}") },
  ];
};

it("gives the same bytes whatever the time, its zone and the files' modes", async () => {
  const first = await writeZip(await files(), path.join(folder, "1.zip"));
  const { TZ } = process.env;
  try {
    for (const zone of ["Asia/Tokyo", "America/St_Johns", "UTC"]) {
      process.env.TZ = zone;
      const again = await files();
      await utimes(again[0]?.source as string, 1_000_000_000, 1_000_000_000);
      await chmod(again[0]?.source as string, 0o600);
      expect(await writeZip(again, path.join(folder, "2.zip"))).toEqual(first);
    }
  } finally {
    if (TZ === undefined) delete process.env.TZ;
    else process.env.TZ = TZ;
  }
  const [one, two] = await Promise.all(["1.zip", "2.zip"].map((name) => readFile(path.join(folder, name))));
  expect(one?.equals(two as Buffer)).toBe(true);
  expect(first.sizeBytes).toBe(one?.length);
});

it("gives back what was packed", async () => {
  const file = path.join(folder, "1.zip");
  await writeZip(await files(), file);
  const read = await readZip(file);
  expect([...read.keys()]).toEqual(["deep/er/a", "b.json"]);
  expect(read.get("deep/er/a")?.toString()).toBe("a".repeat(10_000));
});

it("leaves nothing where a file can't be read", async () => {
  const missing = [...(await files()), { path: "gone", source: path.join(folder, "gone") }];
  await expect(writeZip(missing, path.join(folder, "out", "1.zip"))).rejects.toMatchObject({
    code: "ENOENT",
  });
  expect(await readdir(path.join(folder, "out"))).toEqual([]);
});
