import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openTiny, toyFile } from "../packages/local/src/testing.ts";
import { started } from "./started.ts";

/** `kilotune sweep` in real processes, as a terminal has them: one group, which Ctrl-C reaches as a whole. */

let tiny: Awaited<ReturnType<typeof openTiny>>;
let folder: string;
beforeAll(async () => {
  tiny = await openTiny();
  folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-sweep-"));
  await writeFile(path.join(folder, "train.jsonl"), toyFile(12, 1));
  await writeFile(path.join(folder, "test.jsonl"), toyFile(12, 2));
});
afterAll(async () => {
  await tiny[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

function sweep(out: string, ...more: string[]) {
  const ranges = [
    "tokens=16,32",
    "firstLayer=0",
    "epochs=12",
    "--strategy",
    "grid",
    "--validation",
    "test.jsonl",
  ];
  const argv = ["sweep", "train.jsonl", ...ranges, "--out", out, "--precision", "int8", "--json", ...more];
  const { process: child, ended } = started([...argv, "--backbone", tiny.checkpoint], {
    env: { ...process.env, KILOTUNE_CACHE: path.join(folder, "cache") },
    cwd: folder,
    detached: true,
  });
  return { group: -(child.pid as number), ended };
}

async function swept(out: string, ...more: string[]) {
  const { code, stdout, stderr } = await sweep(out, ...more).ended;
  expect(code, stderr).toBe(0);
  const result = JSON.parse(stdout.trim().split("\n").at(-1) as string);
  return { sweep: result.sweep, bytes: await readFile(path.join(folder, out)) };
}

it("Ctrl-C ends all processes of a parallel sweep, and --resume goes on to the bytes that one has", async () => {
  const alone = await swept("alone.safetensors");
  expect(alone.sweep).toHaveLength(2);

  const { group, ended } = sweep("stopped.safetensors", "--parallel", "2");
  const checkpoints = path.join(folder, "stopped.safetensors.checkpoint");
  const both = ["sweep-0-0.checkpoint", "sweep-1-0.checkpoint"];
  while (!both.every((name) => existsSync(path.join(checkpoints, name)))) await setTimeout(5);
  process.kill(group, "SIGINT");
  const { code, stderr, stdout } = await ended;
  expect(code, stderr).toBe(130);
  expect(stderr).toContain("--resume");
  expect(JSON.parse(stdout).error.code).toBe("interrupted");
  expect(() => process.kill(group, 0)).toThrow("ESRCH");
  expect(await readdir(checkpoints)).toEqual(expect.arrayContaining(both));

  const again = await swept("stopped.safetensors", "--resume", "--parallel", "auto", "--memory", "4000");
  expect(again).toEqual(alone);
  expect(await readdir(folder)).not.toContain("stopped.safetensors.checkpoint");
}, 120_000);
