import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openTiny, toyFile } from "../packages/local/src/testing.ts";

/** Tasks of texts on the command line, told by the rows: from a file to an answer, on a backbone of a second. */

const cli = path.resolve(import.meta.dirname, "../packages/cli/bin/kilotune.mjs");

let tiny: Awaited<ReturnType<typeof openTiny>>;
let folder: string;
beforeAll(async () => {
  tiny = await openTiny();
  folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-text-tasks-"));
});
afterAll(async () => {
  await tiny[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function kilotune(...argv: readonly string[]) {
  const env = { ...process.env, KILOTUNE_CACHE: path.join(folder, "cache") };
  const { stdout } = await promisify(execFile)(process.execPath, [cli, ...argv, "--json"], {
    env,
    cwd: folder,
  });
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
}

const onTiny = () => ["--backbone", tiny.checkpoint];

/** Train and test files of the toy rows, made what a task wants. */
async function filesOf(name: string, make: (row: { text: string; label: string }, at: number) => object) {
  const write = async (kind: string, seed: number) => {
    const rows = toyFile(12, seed)
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const file = `${name}-${kind}.jsonl`;
    await writeFile(
      path.join(folder, file),
      rows.map((row, at) => `${JSON.stringify(make(row, at))}\n`).join(""),
    );
    return file;
  };
  return { train: await write("train", 1), test: await write("test", 2), out: `${name}.safetensors` };
}

async function tuned(
  { train, test, out }: Awaited<ReturnType<typeof filesOf>>,
  method: readonly string[] = ["--tokens", "2"],
) {
  const flags = ["--test", test, "--out", out, ...method, "--epochs", "2", "--report", `${out}.html`];
  const [result] = await kilotune("tune", train, ...flags, ...onTiny());
  const [evaluated] = await kilotune("evaluate", test, "--prompt", out, ...onTiny());
  return { result, evaluated };
}

describe("the first row says what is learnt", () => {
  it("several labels", async () => {
    const files = await filesOf("labels", ({ text, label }, at) => ({
      text,
      labels: at % 3 === 0 ? [label, "urgent"] : [label],
    }));
    const { result, evaluated } = await tuned(files, ["--method", "bias", "--first-layer", "0"]);
    expect(["bias", "head"]).toContain(result.prompt.method);
    expect(evaluated.figures.microF1).toBeCloseTo(result.test.microF1, 6);
    const [lint] = await kilotune("lint", files.train);
    expect([lint.rows, lint.errors]).toEqual([36, []]);
    const [answer] = await kilotune("classify", "cash card", "--prompt", files.out, ...onTiny());
    for (const label of answer.labels) expect(answer.scores).toHaveProperty(label);
  });

  it("pairs of texts with a number", async () => {
    const files = await filesOf("numbers", ({ text, label }) => ({
      text,
      text_pair: "now",
      value: label.length + text.length / 10,
    }));
    const { result, evaluated } = await tuned(files);
    expect(evaluated.figures.r2).toBeCloseTo(result.test.r2, 4);
    const [answer] = await kilotune("classify", "cash card", "now", "--prompt", files.out, ...onTiny());
    expect(answer).toMatchObject({ text: "cash card", text_pair: "now", value: expect.any(Number) });
  });

  it("named spans, told as places of the text", async () => {
    const files = await filesOf("spans", ({ text, label }) => {
      const tokens = text.split(" ");
      return { tokens, tags: tokens.map((_, at) => (at === 0 ? `B-${label}` : "O")) };
    });
    const { result, evaluated } = await tuned(files);
    expect(evaluated.figures.f1).toBeCloseTo(result.test.f1, 6);
    const text = "👋 cash,  my card!";
    const [answer] = await kilotune("classify", text, "--prompt", files.out, ...onTiny());
    for (const { start, end, text: span, label } of answer.spans) {
      expect(text.slice(start, end)).toBe(span);
      expect(["card", "parcel", "refund"]).toContain(label);
    }
  });

  it("texts that find one another, whose vectors `embed` gives", async () => {
    const files = await filesOf("find", ({ text, label }) => ({
      query: text,
      positive: `${label} ${text.split(" ")[0]}`,
    }));
    const { result, evaluated } = await tuned(files, ["--rank", "2"]);
    expect(result.prompt.method).toBe("lora");
    expect(evaluated.figures.map10).toBeCloseTo(result.test.map10, 4);
    const [own] = await kilotune("embed", "cash card", "--prompt", files.out, ...onTiny());
    const [plain] = await kilotune("embed", "cash card", ...onTiny());
    expect(own.vector).toHaveLength(plain.vector.length);
    expect(own.vector).not.toEqual(plain.vector);
  });
});

interface Figures {
  readonly mean: number;
  readonly deviation: number;
  readonly folds: readonly number[];
}

it("cross-validates with --folds: figures by candidate and fold, and the same prompt", async () => {
  const { train, test, out } = await filesOf("folds", (row) => row);
  const flags = ["--validation", test, "--tokens", "2", "--epochs", "1", "--out", out, ...onTiny()];
  const [plain] = await kilotune("tune", train, ...flags);
  const [crossed] = await kilotune("tune", train, ...flags, "--folds", "3", "--report", `${out}.html`);
  expect(crossed.prompt.id).toBe(plain.prompt.id);
  expect(plain).not.toHaveProperty("crossValidation");
  const { rows, published, figures } = crossed.crossValidation;
  expect(rows.reduce((sum: number, each: number) => sum + each)).toBe(36);
  expect(published).toHaveLength(3);
  expect(Object.keys(figures).slice(-2)).toEqual(["kv", "published"]);
  for (const { mean, deviation, folds } of Object.values<Figures>(figures)) {
    expect(mean).toBeCloseTo(folds.reduce((sum, each) => sum + each) / 3, 9);
    expect(deviation).toBeGreaterThanOrEqual(0);
  }
  expect(await readFile(path.join(folder, `${out}.html`), "utf8")).toContain(
    '<section id="cross-validation"',
  );
});
