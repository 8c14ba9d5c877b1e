import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { fileSource } from "./file-source.ts";
import type { DataSource } from "./job.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-source-"));
});
afterAll(() => rm(folder, { recursive: true }));

it("gives the bytes of a file, as often as it is opened", async () => {
  const file = path.join(folder, "rows.csv");
  await writeFile(file, "text,label\n".repeat(50_000));
  const source = fileSource(file);
  expect([source.name, source.format]).toEqual(["rows.csv", "csv"]);
  for (let time = 0; time < 2; time++) expect(await sizeOf(source)).toBe(550_000);
});

it("says which file it can't read, and why", async () => {
  const missing = path.join(folder, "rows.jsonl");
  await expect(sizeOf(fileSource(missing))).rejects.toMatchObject({
    code: "unreadable_file",
    kind: "input",
    message: `can't read ${missing}: there is no such file`,
  });
  await expect(sizeOf(fileSource(folder))).rejects.toMatchObject({
    code: "unreadable_file",
    message: `can't read ${folder}: it is a folder`,
  });
});

async function sizeOf(source: DataSource): Promise<number> {
  let size = 0;
  for await (const chunk of source.open()) size += (chunk as Uint8Array).length;
  return size;
}
