import { access, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { started } from "./started.ts";

/** `kilotune compare` as a user has it: on messages that people wrote, and the backbone that they'd have. */

const root = path.join(import.meta.dirname, "..");
const desk = path.join(root, "examples/support-desk");

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-compare-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** @param until words on stderr at which it is killed, without a warning */
async function kilotune(argv: readonly string[], until?: string) {
  const { process: child, ended } = started(argv, { cwd: folder }, (stderr) => {
    if (until !== undefined && stderr.includes(until)) child.kill("SIGKILL");
  });
  return ended;
}

/** Some rows of four labels of the example. */
async function someOf(file: string, each: number): Promise<string> {
  const left = new Map(
    ["refund_status", "order_status", "warranty_repair", "cancel_order"].map((label) => [label, each]),
  );
  const lines = (await readFile(path.join(desk, file), "utf8")).trim().split("\n");
  const own = lines.filter((line) => {
    const { label } = JSON.parse(line) as { label: string };
    const more = left.get(label) ?? 0;
    left.set(label, more - 1);
    return more > 0;
  });
  await writeFile(path.join(folder, file), `${own.join("\n")}\n`);
  return file;
}

it("killed half-way it goes on with --resume, to a table, a page and the prompts", async () => {
  const [train, test] = [await someOf("train.jsonl", 8), await someOf("test.jsonl", 10)];
  const validation = await someOf("validation.jsonl", 5);
  const asked = ["compare", train, "--validation", validation, "--test", test].concat([
    "--methods",
    "zero-shot,few-shot,linear-probe,kv",
  ]);
  const flags = ["--epochs", "2", "--out", "found", "--report", "page.html", "--json"];
  const killed = await kilotune([...asked, ...flags], "3 of 4: linear probe");
  expect(killed.code).toBeNull();

  const { code, stdout, stderr } = await kilotune([...asked, ...flags, "--resume"]);
  expect(code, stderr).toBe(0);
  expect(stderr.match(/\(measured before\)/g)).toHaveLength(3);
  const { methods, best } = JSON.parse(stdout);
  const of = (name: string) => methods.find((method: { name: string }) => method.name === name);
  expect(methods.map(({ name }: { name: string }) => name)).toEqual([
    "zero-shot",
    "few-shot",
    "linear-probe",
    "kv",
  ]);
  const onHeldOut = methods.map(({ heldOut }: { heldOut: { accuracy: number } }) => heldOut.accuracy);
  expect(of(best).heldOut.accuracy).toBe(Math.max(...onHeldOut));
  // People's labels and messages: each way is far above the quarter that chance would give.
  for (const { test } of methods) {
    expect(test).toMatchObject({ rows: 40, interval: [expect.any(Number), expect.any(Number)] });
    expect(test.accuracy).toBeGreaterThan(0.5);
  }
  expect(of("zero-shot")).toMatchObject({ trainableParameters: 0, path: null, switchSeconds: null });
  expect(of("linear-probe").trainableParameters).toBe(4 * 385);
  expect(of("kv").sizeBytes).toBe((await readFile(path.join(folder, of("kv").path))).length);
  expect(await readFile(path.join(folder, "page.html"), "utf8")).toContain("Methods side by side");
  expect((await readdir(path.join(folder, "found"))).filter((name) => name.endsWith(".checkpoint"))).toEqual(
    [],
  );

  const words = await kilotune([...asked, ...flags.filter((flag) => flag !== "--json"), "--resume"]);
  expect(words.stdout).toMatch(/^ {2}on 40 test rows {2,}accuracy {3}95 % from–to/);
  expect(words.stdout).toMatch(/^▸ .*$/m);
  expect(words.stdout).toContain("Prompts: found/linear-probe.safetensors, found/kv.safetensors");
}, 120_000);

it("without rows to spare for a test: in folds, with a prompt that starts as words", async () => {
  const train = await someOf("train.jsonl", 6);
  const validation = await someOf("validation.jsonl", 5);
  const asked = [
    "compare",
    train,
    "--validation",
    validation,
    "--methods",
    "few-shot,kv",
    "--epochs",
    "1",
    "--out",
    "crossed",
  ];
  const { code, stdout, stderr } = await kilotune([
    ...[...asked, "--folds", "2", "--init", "labels", "--reparam", "low-rank:4"],
    ...["--report", "crossed.html", "--json"],
  ]);
  expect(code, stderr).toBe(0);
  expect(stderr).toMatch(/2 of 2: key\/value prefixes, \d+\.\d % of all folds' rows/);
  const { methods, best } = JSON.parse(stdout);
  for (const { test, crossValidated } of methods) {
    expect(test).toBeNull();
    expect(crossValidated).toMatchObject({
      rows: 24,
      folds: 2,
      interval: [expect.any(Number), expect.any(Number)],
    });
    expect(crossValidated.accuracy).toBeGreaterThan(0.5);
  }
  expect(methods[1]).toMatchObject({ name: "kv", init: "labels", reparam: "low-rank:4" });
  expect(["few-shot", "kv"]).toContain(best);
  expect(await readFile(path.join(folder, "crossed.html"), "utf8")).toContain("24\u00A0rows in 2 folds");

  const neither = await kilotune([...asked, "--json"]);
  expect(neither.code).toBe(2);
  expect(JSON.parse(neither.stdout).error.hint).toContain("--folds");
}, 120_000);

it("a file in the way of --out is told before a backbone is opened", async () => {
  const test = await someOf("test.jsonl", 2);
  await writeFile(path.join(folder, "taken"), "");
  const { code, stdout } = await kilotune(["compare", test, "--test", test, "--out", "taken/here", "--json"]);
  expect(code).toBe(1);
  expect(JSON.parse(stdout).error).toMatchObject({ code: "not_a_folder" });
  await expect(access(path.join(folder, "comparison"))).rejects.toThrow();
});
