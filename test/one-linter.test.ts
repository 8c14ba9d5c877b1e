import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { PassThrough } from "node:stream";
import { expect, it } from "vitest";
import { COMMANDS } from "../packages/cli/src/main.ts";
import { runCli } from "../packages/cli/src/run.ts";
import { collector } from "../packages/cli/src/testing.ts";
import { FIXTURES } from "../packages/dataset/src/read-examples.fixtures.ts";
import { lintRows } from "../packages/service/src/lint-rows.ts";

it("the command line and an upload say the same of every file of the fixtures (known fault 68)", async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-one-linter-"));
  let faulty = 0;
  for (const [at, { name, format, bytes }] of FIXTURES.entries()) {
    const file = path.join(folder, `${at}.${format}`);
    await writeFile(file, bytes);
    const told = await lintRows(file, undefined)(oneChunk(bytes));
    const { errors } = await linted(file);
    expect(errors, name).toEqual(told);
    if (errors.length > 0) faulty++;
  }
  expect(FIXTURES.length).toBeGreaterThan(100);
  expect(faulty).toBeGreaterThan(60);
  await rm(folder, { recursive: true });
});

/** `kilotune lint FILE --json`, in this process. */
async function linted(file: string) {
  const [stdout, stderr] = [collector(), collector()];
  const stdin = new PassThrough();
  stdin.end();
  await runCli(["lint", file, "--json"], COMMANDS, {
    stdin,
    stdout: stdout.stream,
    stderr: stderr.stream,
    environment: {},
    clock: () => 0,
    takeInterrupt: () => new AbortController().signal,
  });
  return JSON.parse(stdout.text());
}

async function* oneChunk(bytes: Uint8Array) {
  yield bytes;
}
