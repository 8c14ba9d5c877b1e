import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { expect, it } from "vitest";
import { ZipFile } from "yazl";
import { firstOf } from "./readme.example.ts";

it("the README's example is a file, and runs", async () => {
  const file = (name: string) => readFile(new URL(name, import.meta.url), "utf8");
  expect(await file("../README.md")).toContain(`\`\`\`ts\n${await file("./readme.example.ts")}\`\`\`\n`);
  const folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-zip-"));
  const zip = new ZipFile();
  zip.addBuffer(Buffer.from("hello"), "a.txt");
  zip.end();
  await writeFile(path.join(folder, "a.zip"), zip.outputStream);
  expect(Buffer.from((await firstOf(path.join(folder, "a.zip"))) ?? []).toString()).toBe("hello");
  await rm(folder, { recursive: true });
});
