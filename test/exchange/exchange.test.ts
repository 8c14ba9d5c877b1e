import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { readSafetensors, writeSafetensors } from "@kilotune/engine";
import { exportPeft, importPrompt } from "@kilotune/prompt/exchange";
import { evaluatePrompt, fileSource } from "@kilotune/worker";
import { afterAll, describe, expect, it } from "vitest";
import { callCli } from "../../packages/cli/src/testing.ts";
import {
  CHECKPOINT,
  FIXTURES,
  GOLDENS,
  largestDifference,
  openTinyBase,
  readWanted,
  servedLogits,
  sourceOf,
} from "./tiny-base.ts";

/** Other systems' prompts, both ways, against PyTorch's numbers (make.py). What is refused: packages/prompt/src/exchange. */

const { texts, float32: logits, float64 } = await readWanted(GOLDENS);
const tiny = await openTinyBase();
const folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-exchange-"));
afterAll(async () => {
  await tiny[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const importOf = async (name: string) => {
  const { source, options } = sourceOf(name, GOLDENS);
  return (await importPrompt(source, tiny.base, options)).prompt;
};

describe("an imported prompt", () => {
  it.each(Object.keys(FIXTURES))(
    "%s answers as PyTorch does, within 1e-5 (known faults 16 and 18)",
    async (name) => {
      const ours = await servedLogits(tiny.backbone, await importOf(name), texts);
      expect(ours).toHaveLength(texts.length);
      expect(largestDifference(ours, logits[name]!)).toBeLessThan(1e-5);
      expect(largestDifference(ours, float64[name]!)).toBeLessThan(1e-5);
    },
  );

  it("is told from the others: no two fixtures but the same in three shapes answer alike", () => {
    const same = new Set(["prompt-tuning", "prompt-tuning-pickle", "prompt-tuning-named"]);
    const names = Object.keys(FIXTURES).filter((name) => !same.has(name) || name === "prompt-tuning");
    for (const a of names)
      for (const b of names)
        if (a !== b) expect(largestDifference(logits[a]!, logits[b]!)).toBeGreaterThan(1e-4);
  });

  it("reads as much of a long text as the prompt leaves positions for", async () => {
    const prompt = await importOf("prefix-tuning");
    expect(prompt.manifest.maxTokens).toBe(35);
    const tokens = texts.map((text) => tiny.backbone.tokenizer.encode(text).tokens);
    expect(Math.max(...tokens)).toBeGreaterThan(40);
  });

  it("is measured by `evaluate` as it is served", async () => {
    const prompt = await importOf("prefix-tuning-projected");
    const labels = logits["prefix-tuning-projected"]!.map(
      (row) => prompt.manifest.labels[row.indexOf(Math.max(...row))] as string,
    );
    // An empty text is no row of a data set.
    const rows = texts.map((text, at) => JSON.stringify({ text, label: labels[at] }));
    const file = path.join(folder, "test.jsonl");
    await writeFile(file, rows.filter((_, at) => texts[at] !== "").join("\n"));
    const { evaluation } = await evaluatePrompt({
      backbone: tiny.backbone,
      stored: { id: "", sizeBytes: 0, prompt },
      test: fileSource(file),
    });
    expect(new Set(labels).size).toBeGreaterThan(1);
    expect(evaluation.accuracy).toBe(1);
  });
});

describe("a head", () => {
  const spellings: Record<string, (name: string) => string> = {
    "of PEFT's LoRA": (name) => name.replace("base_model.", "base_model.model."),
    "of a wrapped module": (name) => name.replace("classifier.", "classifier.modules_to_save.default."),
    "without a prefix": (name) => name.replace("base_model.", ""),
  };

  it.each(Object.entries(spellings))("%s gives the same logits", async (name, respell) => {
    const from = path.join(GOLDENS, "prompt-tuning");
    const { tensors } = await readTensors(path.join(from, "adapter_model.safetensors"));
    const respelt = new Map([...tensors].map(([key, tensor]) => [respell(key), tensor]));
    expect([...respelt.keys()]).not.toEqual([...tensors.keys()]);
    const source = path.join(folder, name.replaceAll(" ", "-"));
    await writeFolder(
      source,
      new Map<string, string | Uint8Array>([
        ["adapter_config.json", await readFile(path.join(from, "adapter_config.json"), "utf8")],
        ["adapter_model.safetensors", writeSafetensors(respelt)],
      ]),
    );
    const { prompt } = await importPrompt(source, tiny.base);
    const ours = await servedLogits(tiny.backbone, prompt, texts);
    expect(largestDifference(ours, logits["prompt-tuning"]!)).toBeLessThan(1e-5);
  });
});

describe("an exported prompt", () => {
  const expressible = Object.keys(FIXTURES).filter((name) => FIXTURES[name]!.pooling === undefined);

  it.each(expressible)("%s comes back with the same answers and the head's very numbers", async (name) => {
    const prompt = await importOf(name);
    const to = path.join(folder, `exported-${name}`);
    await writeFolder(to, await exportPeft(prompt, tiny.base));
    const { prompt: again } = await importPrompt(to, tiny.base);
    expect(again.head).toEqual(prompt.head);
    if (prompt.method === "kv") expect(again).toMatchObject({ kv: prompt.kv });
    const ours = await servedLogits(tiny.backbone, again, texts);
    expect(largestDifference(ours, logits[name]!)).toBeLessThan(1e-5);
  });

  it("has the tensors of PEFT's own file, to the bit for a prefix", async () => {
    const files = await exportPeft(await importOf("prefix-tuning"), tiny.base);
    const ours = readSafetensors(files.get("adapter_model.safetensors") as Uint8Array);
    const theirs = await readTensors(path.join(GOLDENS, "prefix-tuning/adapter_model.safetensors"));
    expect(new Map([...ours.tensors].sort())).toEqual(new Map([...theirs.tensors].sort()));
    expect(ours.metadata.get("format")).toBe("pt");
  });
});

describe("the command line", () => {
  const environment = { KILOTUNE_CACHE: path.join(folder, "cache"), KILOTUNE_HUB: "http://127.0.0.1:9" };
  const call = (...argv: string[]) => callCli([...argv, "--json"], { environment });
  const at = ["--backbone", CHECKPOINT];

  it("imports, shows, answers, exports and refuses", async () => {
    const file = path.join(folder, "p.safetensors");
    const imported = await call("prompt", "import", path.join(GOLDENS, "p-tuning-v2"), ...at, "--out", file);
    expect(imported.exitCode).toBe(0);
    expect(JSON.parse(imported.stdout)).toMatchObject({
      method: "kv",
      labels: ["refund", "delivery", "other"],
      origin: { format: "p-tuning-v2" },
      notes: [],
    });
    const { stdout: shown } = await callCli(["inspect", file]);
    expect(shown).toMatch(/imported +p-tuning-v2 prefix\n/);
    expect(shown).toMatch(/reads +pooling cls_after_prompt, text positions after_prompt\n/);
    expect(shown).not.toContain("tuned on");
    const answered = await call("classify", "--prompt", file, ...at, "--logits", texts[0]!);
    expect(
      largestDifference([JSON.parse(answered.stdout).logits], [logits["p-tuning-v2"]![0]!]),
    ).toBeLessThan(1e-5);

    const adapter = path.join(folder, "adapter");
    const exported = await call("prompt", "export", file, ...at, "--out", adapter);
    expect(exported.exitCode).toBe(0);
    expect(JSON.parse(exported.stdout).files).toContain("adapter_config.json");
    const twice = await call("prompt", "export", file, ...at, "--out", adapter);
    expect(twice.exitCode).toBe(1);
    expect(JSON.parse(twice.stdout).error.code).toBe("not_empty");
    const back = await call("prompt", "import", adapter, ...at, "--out", path.join(folder, "q.safetensors"));
    expect(JSON.parse(back.stdout).labels).toEqual(["refund", "delivery", "other"]);
  });

  it("needs to be told the backbone, and says what a bare tensor lacks", async () => {
    expect((await call("prompt", "import", "x")).exitCode).toBe(2);
    const { exitCode, stdout } = await call("prompt", "import", path.join(GOLDENS, "tgis"), ...at);
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout).error.code).toBe("no_head");
  });
});

async function readTensors(file: string) {
  return readSafetensors(new Uint8Array(await readFile(file)));
}

async function writeFolder(to: string, files: ReadonlyMap<string, string | Uint8Array>): Promise<void> {
  await mkdir(to);
  for (const [name, content] of files) await writeFile(path.join(to, name), content);
}
