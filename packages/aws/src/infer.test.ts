import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
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

async function world(labelCount: number) {
  const { promptId, bytes } = promptOf(labelCount);
  let nowMs = 0;
  const opened: string[] = [];
  const blobs = {
    async open(_: TenantId, name: string) {
      opened.push(name);
      const chunks = (async function* () {
        yield bytes;
      })();
      return { size: bytes.length, chunks };
    },
  };
  const service = { blobs, clock: { now: () => new Date(nowMs) } } as unknown as Service;
  const files = new PromptFiles(path.join(folder, promptId), 1e6);
  const answer = await inferring({ service, backbone: tiny.backbone, files, cacheBytes: 1e6 });
  const ask = (inputs: string[], more: object = {}) =>
    answer({ task: "classify", tenant, promptId, inputs, ...more });
  return {
    ask,
    opened,
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

it("says so where an answer is larger than Lambda takes, and gives a smaller one", async () => {
  const { ask } = await world(2_000);
  const texts = Array.from({ length: 200 }, () => "card");
  expect(await ask(texts)).toMatchObject({ error: { code: "answer_too_large", kind: "input" } });
  expect(await ask(texts, { topK: 5 })).toMatchObject({ classified: { tokens: 600 } });
});
