import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";

/** What a newcomer does: `npm start`, at a small size, then the commands that it prints. */

const cli = path.join(import.meta.dirname, "../packages/cli");
const run = promisify(execFile);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-journey-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it("npm start walks from the example's data to three answers, and its next commands work as printed", async () => {
  const walk = await run(process.execPath, [path.join(cli, "src/start.ts"), "--quick"], { cwd: folder });
  for (const step of [1, 2, 3, 4, 5, 6]) expect(walk.stderr).toContain(`${step}. `);
  expect(walk.stderr).toContain("train.jsonl: 560 rows, 14 labels, 0 errors");
  expect(walk.stderr).toMatch(/key\/value prefixes/);

  const html = await readFile(path.join(folder, "out/report.html"), "utf8");
  // Where a long name may break.
  const page = html.replaceAll("<wbr>", "");
  for (const part of ["<svg", "test-es.jsonl", "test-de.jsonl", "linear probe", "warranty_repair"])
    expect(page).toContain(part);

  const commands = walk.stdout
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
  const quick = commands.filter((line) => /classify .*toaster|evaluate|inspect/.test(line));
  expect(quick).toHaveLength(3);
  for (const line of quick) {
    // As a shell reads it, with this checkout's program in npx's place.
    const bin = `"${process.execPath}" "${path.join(cli, "bin/kilotune.mjs")}"`;
    const { stdout } = await run("sh", ["-c", line.replace("npx kilotune", bin)], { cwd: folder });
    expect(stdout).toMatch(/payment_problem|accuracy \d|sha256-/);
  }
}, 300_000);
