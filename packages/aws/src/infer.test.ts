import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { type TinyBackbone, tinyBackbone } from "@kilotune/backbone/testing";
import type { TenantId } from "@kilotune/contract";
import { encodePrompt, type Prompt } from "@kilotune/prompt";
import type { Service } from "@kilotune/service";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { inferring } from "./infer.ts";
import { PromptFiles } from "./prompt-files.ts";

let tiny: TinyBackbone;
let folder: string;
beforeAll(async () => {
  tiny = await tinyBackbone({ words: ["card", "lost"] });
  folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-infer-"));
  vi.spyOn(process.stdout, "write").mockReturnValue(true);
});
afterAll(async () => {
  vi.restoreAllMocks();
  await tiny[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const tenant = "tn-aaaaaaaaaaaaaaaa" as TenantId;

/** A head over so many labels, as its file. */
function promptOf(labelCount: number): { readonly promptId: string; readonly bytes: Uint8Array } {
  const { config, identity, id, licence } = tiny.backbone.manifest;
  const { layers, hiddenSize, heads, headDim } = config;
  const labels = Array.from({ length: labelCount }, (_, at) => `label-${at}`);
  const weight = Float32Array.from({ length: labelCount * hiddenSize }, (_, at) => Math.sin(at + 1));
  const prompt: Prompt = {
    method: "head",
    manifest: {
      method: "head",
      format: "kilotune.prompt/1",
      task: "classification",
      labels,
      backbone: { id, ...identity, licence, layers, hiddenSize, heads, headDim },
      head: { kind: "cosine", scale: 20 },
      calibration: { temperature: 1 },
      maxTokens: 512,
      storage: "float32",
      receipt: {
        dataSha256: "0".repeat(64),
        seed: 0,
        settings: {},
        codeVersion: "0",
        epochs: 1,
        trainRows: 1,
      },
      metrics: {},
    },
    head: { kind: "cosine", weight, scale: 20 },
  };
  const bytes = encodePrompt(prompt, { storage: "float32" });
  return { promptId: createHash("sha256").update(bytes).digest("hex"), bytes };
}

async function world(labelCount: number, told?: { readonly size: number }) {
  const { promptId, bytes } = promptOf(labelCount);
  let read = 0;
  let nowMs = 0;
  const opened: string[] = [];
  const blobs = {
    async open(_: TenantId, name: string) {
      opened.push(name);
      const chunks = (async function* () {
        read++;
        yield bytes;
      })();
      return { size: bytes.length, ...told, chunks };
    },
  };
  const service = { blobs, clock: { now: () => new Date(nowMs) } } as unknown as Service;
  const own = path.join(folder, promptId);
  const start = () =>
    inferring({ service, backbone: tiny.backbone, files: new PromptFiles(own, 1e6), cacheBytes: 1e6 });
  let answer = await start();
  const ask = (inputs: string[], more: object = {}) =>
    answer({ task: "classify", tenant, promptId, inputs, ...more });
  return {
    ask,
    accept: (file: Uint8Array) =>
      answer({ task: "accept", tenant, file: Buffer.from(file).toString("base64") }),
    promptId,
    bytes,
    opened,
    file: path.join(own, `${tenant}.${promptId}`),
    read: () => read,
    /** As a process that comes after this one. */
    async restart() {
      answer = await start();
    },
    pass: (ms: number) => {
      nowMs += ms;
    },
  };
}

it("reads a prompt once, and forgets it within the hour", async () => {
  const { ask, opened, pass } = await world(3);
  const first = await ask(["card lost"], { topK: 2 });
  expect(first).toMatchObject({ classified: { tokens: 4 } });
  pass(3_500_000);
  expect(await ask(["card lost"], { topK: 2 })).toEqual(first);
  expect(opened).toHaveLength(1);
  pass(200_000);
  expect(await ask(["card lost"], { topK: 2 })).toEqual(first);
  expect(opened).toHaveLength(2);
});

it("takes a prompt from the disk, and never one that isn't what it was", async () => {
  const { ask, opened, file, restart } = await world(4);
  const first = await ask(["card lost"]);
  await restart();
  expect(await ask(["card lost"])).toEqual(first);
  expect(opened).toHaveLength(1);

  const bytes = await readFile(file);
  for (const damaged of [
    bytes.map((byte, at) => (at === bytes.length - 1 ? byte ^ 1 : byte)),
    bytes.subarray(9),
    "",
  ]) {
    await writeFile(file, damaged);
    await restart();
    expect(await ask(["card lost"])).toEqual(first);
  }
  expect(opened).toHaveLength(4);
  expect(await readFile(file)).toEqual(bytes);
});

it("judges a prompt's file from outside, and tells nobody's log of a bad one", async () => {
  const { accept, promptId, bytes } = await world(3);
  const { id } = tiny.backbone.manifest;
  expect(await accept(bytes)).toEqual({
    accepted: { sha256: promptId, backbone: id, task: "classification" },
  });
  const logged = vi.mocked(process.stdout.write).mock.calls.length;
  expect(await accept(bytes.subarray(9))).toMatchObject({ error: { code: "invalid_prompt" } });
  const { weightsSha256 } = tiny.backbone.manifest.identity;
  const foreign = Buffer.from(bytes).toString("latin1").replace(weightsSha256, "f".repeat(64));
  expect(await accept(Buffer.from(foreign, "latin1"))).toMatchObject({
    error: { code: "backbone_mismatch", message: expect.stringContaining(weightsSha256) },
  });
  expect(vi.mocked(process.stdout.write).mock.calls).toHaveLength(logged);
});

it("doesn't read what can't be a prompt", async () => {
  const { ask, opened, read } = await world(5, { size: 5e9 });
  expect(await ask(["card lost"])).toMatchObject({ error: { code: "prompt_damaged" } });
  expect([opened.length, read()]).toEqual([1, 0]);
});

it("says so where an answer is larger than Lambda takes, and gives a smaller one", async () => {
  const { ask } = await world(2_000);
  const texts = Array.from({ length: 200 }, () => "card");
  expect(await ask(texts)).toMatchObject({ error: { code: "answer_too_large", kind: "input" } });
  expect(await ask(texts, { topK: 5 })).toMatchObject({ classified: { tokens: 600 } });
});
