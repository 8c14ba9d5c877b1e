import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { readPromptFile } from "@kilotune/prompt/node";
import { afterAll, beforeAll, expect, it } from "vitest";
import { callCli } from "./testing.ts";

/** Two layers with random weights. */
const tiny = fileURLToPath(new URL("../../backbone/src/bert/goldens/tiny", import.meta.url));

let folder: string;
let train: string;
let validation: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-init-"));
  train = path.join(folder, "train.jsonl");
  validation = path.join(folder, "validation.jsonl");
  const row = (at: number) => ({
    text: `${at % 2 === 0 ? "where is my card" : "the parcel is late"} ${at}`,
    label: at % 2 === 0 ? "lost_card" : "late_parcel",
  });
  const rows = (from: number) =>
    Array.from({ length: 8 }, (_, at) => JSON.stringify(row(from + at))).join("\n");
  await writeFile(train, rows(0));
  await writeFile(validation, rows(8));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const kilotune = (...argv: string[]) =>
  callCli(argv, { environment: { KILOTUNE_CACHE: path.join(folder, "cache") } });
const fileOf = (name: string) => path.join(folder, `${name}.safetensors`);
const tune = (name: string, ...flags: string[]) =>
  kilotune(
    "tune",
    train,
    "--validation",
    validation,
    "--backbone",
    tiny,
    "--epochs",
    "1",
    "--out",
    fileOf(name),
    "--json",
    ...flags,
  );

it("tune --init starts a prompt, and reproduce makes the same bytes again, given the prompt that it began as", async () => {
  const first = await tune("first", "--tokens", "2", "--init", "labels", "--reparam", "low-rank:1");
  expect(first).toMatchObject({ exitCode: 0 });
  const { receipt } = (await readPromptFile(fileOf("first"))).prompt.manifest;
  expect(receipt?.asked).toMatchObject({ init: "labels", reparam: { kind: "low-rank", rank: 1 } });
  expect(JSON.parse(first.stdout)).toMatchObject({ prompt: { method: "kv" } });
  const second = await tune("second", "--init", `prompt:${fileOf("first")}`);
  expect(JSON.parse(second.stdout)).toMatchObject({ prompt: { method: "kv" } });
  const files = ["--data", train, "--validation", validation];
  const again = ["reproduce", fileOf("second"), ...files, "--backbone", tiny, "--json"];
  expect(await kilotune(...again)).toMatchObject({
    exitCode: 2,
    stdout: expect.stringContaining("bad_init"),
  });
  const same = await kilotune(...again, "--init", fileOf("first"));
  expect(JSON.parse(same.stdout.trimEnd().split("\n").at(-1)!)).toMatchObject({ same: true });
  expect(same.exitCode).toBe(0);
});

it.each([
  ["labls", 'saw \\"labls\\"'],
  ["text:", "expected random, vocabulary"],
  [`text:${"a".repeat(2001)}`, "a text of 2001 characters"],
  ["prompt:none.safetensors", "none.safetensors"],
])("--init %s is refused before anything is read", async (start, words) => {
  const { exitCode, stdout } = await tune("refused", "--init", start);
  expect(exitCode).not.toBe(0);
  expect(stdout).toContain(words);
});

it.each(["mlp:0", "low-rank", "low-rank:129", "lstm", "mlp:9999"])("--reparam %s is refused", async (way) => {
  const { exitCode, stdout } = await tune("refused", "--reparam", way);
  expect(exitCode).toBe(2);
  expect(stdout).toContain("expected low-rank:R");
});

it("--init of images names a prompt alone", async () => {
  const { exitCode, stdout } = await tune("image", "--task", "detect", "--init", "labels");
  expect({ exitCode, stdout }).toEqual({
    exitCode: 2,
    stdout: expect.stringContaining("expected random or prompt:FILE, for images"),
  });
});
