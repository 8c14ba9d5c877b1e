import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { tinyBackbone } from "@kilotune/backbone/testing";
import { decodePrompt, encodePrompt } from "@kilotune/prompt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { callCli } from "../packages/cli/src/testing.ts";
import { openTiny, toyFile } from "../packages/local/src/testing.ts";

/** `kilotune reproduce`, from its words to its exit code. */

let tiny: Awaited<ReturnType<typeof openTiny>>;
let folder: string;
const at = (name: string) => path.join(folder, name);
const environment = () => ({ KILOTUNE_CACHE: at("cache") });
beforeAll(async () => {
  tiny = await openTiny();
  folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-reproduce-"));
  await writeFile(at("train.jsonl"), toyFile(8, 1));
  await writeFile(at("other.jsonl"), toyFile(8, 7));
  await writeFile(at("test.jsonl"), toyFile(8, 2));
  const files = [at("train.jsonl"), "--validation", at("test.jsonl"), "--backbone", tiny.checkpoint];
  const asked = ["--tokens", "2", "--epochs", "2", "--seed", "5", "--out", at("prompt.safetensors")];
  const made = await callCli(["tune", ...files, ...asked], { environment: environment() });
  expect(made.exitCode, made.stderr).toBe(0);
});
afterAll(async () => {
  await tiny[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function reproduce(file: string, data: string, backbone = tiny.checkpoint) {
  const files = ["--data", at(data), "--validation", at("test.jsonl"), "--backbone", backbone];
  const ran = await callCli(["reproduce", at(file), ...files, "--json"], { environment: environment() });
  return { ...ran, result: JSON.parse(ran.stdout) };
}

/** The same prompt with another receipt. */
async function withReceipt(name: string, change: object): Promise<void> {
  const { prompt } = await decodePrompt(new Uint8Array(await readFile(at("prompt.safetensors"))));
  const { manifest } = prompt;
  const receipt = { ...manifest.receipt, ...change };
  const other = { ...prompt, manifest: { ...manifest, receipt } } as typeof prompt;
  await writeFile(at(name), encodePrompt(other, { storage: manifest.storage }));
}

describe("kilotune reproduce", () => {
  it("makes the same bytes from the receipt, seed and settings included", async () => {
    const { exitCode, result } = await reproduce("prompt.safetensors", "train.jsonl");
    expect(result).toMatchObject({ same: true, idHere: result.id, testTakenOver: false });
    expect(exitCode).toBe(0);
    const words = await callCli(
      [
        "reproduce",
        at("prompt.safetensors"),
        "--data",
        at("train.jsonl"),
        "--validation",
        at("test.jsonl"),
      ].concat(["--backbone", tiny.checkpoint]),
      { environment: environment() },
    );
    expect(words.stdout).toContain(`the same bytes, ${result.id}`);
  });

  it("names other data, and tunes nothing", async () => {
    const { exitCode, result, stderr } = await reproduce("prompt.safetensors", "other.jsonl");
    expect(exitCode).toBe(1);
    expect(result.same).toBe(false);
    expect(result).not.toHaveProperty("idHere");
    expect(differing(result)).toEqual(["data (SHA-256)"]);
    expect(stderr).not.toContain("epoch");
  });

  it("names another version of the code, and that no number differs", async () => {
    await withReceipt("older.safetensors", { codeVersion: "0.0.1" });
    const { exitCode, result } = await reproduce("older.safetensors", "train.jsonl");
    expect(exitCode).toBe(1);
    expect(differing(result)).toEqual(["code version"]);
    expect(result.numbers.differing).toBe(0);
  });

  it("refuses another backbone, with both hashes", async () => {
    await using other = await tinyBackbone({ words: ["other"] });
    const { exitCode, result } = await reproduce("prompt.safetensors", "train.jsonl", other.checkpoint);
    expect(exitCode).toBe(1);
    expect(result.error.code).toBe("backbone_mismatch");
    const { prompt } = await decodePrompt(new Uint8Array(await readFile(at("prompt.safetensors"))));
    expect(result.error.message).toContain(prompt.manifest.backbone.weightsSha256.slice(0, 12));
  });
});

function differing({ parts }: { parts: readonly { name: string; receipt: string; here: string }[] }) {
  return parts.filter(({ receipt, here }) => receipt !== here).map(({ name }) => name);
}
