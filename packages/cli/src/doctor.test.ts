import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { callCli } from "./testing.ts";

/** What is found, infra/doctor tests; here are its words and exit codes. Nothing was built in this folder. */
let environment: { KILOTUNE_ARTIFACTS: string };
beforeAll(async () => {
  environment = { KILOTUNE_ARTIFACTS: await mkdtemp(path.join(os.tmpdir(), "kilotune-doctor-")) };
});
afterAll(() => rm(environment.KILOTUNE_ARTIFACTS, { recursive: true }));

const call = (...words: string[]) => callCli(["doctor", ...words], { environment });

it("says what is missing and what to do, and ends with 1", async () => {
  const { exitCode, stdout } = await call("--stage", "jo", "--offline");
  expect(exitCode).toBe(1);
  expect(stdout).toMatch(/^ok +node +v\d+/);
  expect(stdout).toMatch(
    /missing {2}functions +Expected .*api\.zip, there is none\.\n +Make it with `npm run package`\./,
  );
  expect(stdout).toMatch(/\n\n3 things are missing for jo\.\n$/);
});

it("gives one JSON line", async () => {
  const { exitCode, stdout } = await call("--stage", "jo", "--offline", "--json");
  expect(exitCode).toBe(1);
  const { stage, ready, findings } = JSON.parse(stdout);
  expect([stage, ready]).toEqual(["jo", false]);
  expect(findings.map(({ name, state }: Record<string, string>) => `${name} ${state}`)).toEqual([
    "node ok",
    "stage ok",
    "functions missing",
    "layers missing",
    "images missing",
  ]);
});

it("needs a stage, and a folder to deploy from", async () => {
  expect(await call("--offline")).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("--stage") });
  const before = process.cwd();
  process.chdir(environment.KILOTUNE_ARTIFACTS);
  try {
    const { exitCode, stderr } = await call("--stage", "jo");
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/expected Kilotune's sources with sst\.config\.ts in .*, saw none/);
  } finally {
    process.chdir(before);
  }
});
