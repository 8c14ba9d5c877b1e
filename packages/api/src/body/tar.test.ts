import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, it } from "vitest";
import { type TarEntry, tar } from "./tar.ts";

async function* chunks(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield new TextEncoder().encode(text);
}

async function archive(entries: TarEntry[]): Promise<Buffer> {
  const given = (async function* () {
    yield* entries;
  })();
  const parts: Uint8Array[] = [];
  for await (const part of tar(given, 1_764_028_800)) parts.push(part);
  return Buffer.concat(parts);
}

it("is read by tar itself", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "kilotune-tar-"));
  const whole = "x".repeat(512);
  const bytes = await archive([
    { path: "records/job-1.jsonl", sizeBytes: 3, chunks: chunks("a", "bc") },
    { path: "empty", sizeBytes: 0, chunks: chunks() },
    { path: `files/${"y".repeat(94)}`, sizeBytes: 512, chunks: chunks(whole) },
  ]);
  writeFileSync(path.join(folder, "a.tar"), bytes);
  execFileSync("tar", ["-xf", "a.tar"], { cwd: folder });
  expect(readFileSync(path.join(folder, "records/job-1.jsonl"), "utf8")).toBe("abc");
  expect(readFileSync(path.join(folder, "empty"), "utf8")).toBe("");
  expect(readFileSync(path.join(folder, "files", "y".repeat(94)), "utf8")).toBe(whole);
  rmSync(folder, { recursive: true });
});

it("breaks off rather than lie about a size or a path", async () => {
  await expect(archive([{ path: "a", sizeBytes: 2, chunks: chunks("a") }])).rejects.toThrow();
  await expect(archive([{ path: "é", sizeBytes: 0, chunks: chunks() }])).rejects.toThrow();
  await expect(archive([{ path: "z".repeat(101), sizeBytes: 0, chunks: chunks() }])).rejects.toThrow();
});
