import type { TinyBackbone } from "@kilotune/backbone/testing";
import type { Prompt, StoredPrompt } from "@kilotune/prompt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createPredictor, type Predictor } from "./predictor.ts";
import { randomNumbers, randomPrompt, textOf, tinyBackbone } from "./testing.ts";

const METHODS = ["kv", "soft", "lora", "bias", "head"] as const;
let tiny: TinyBackbone;
let predictor: Predictor;
const prompts = new Map<string, StoredPrompt>();

beforeAll(async () => {
  tiny = await tinyBackbone();
  METHODS.forEach((method, seed) => {
    const labels = ["B-thing", "I-thing", "O"];
    const { prompt } = randomPrompt(tiny.backbone.manifest, seed, { method, labels, head: "linear" });
    const manifest = { ...prompt.manifest, task: "tagging" };
    prompts.set(`tagging ${method}`, { id: method, sizeBytes: 0, prompt: { ...prompt, manifest } as Prompt });
    prompts.set(`classification ${method}`, randomPrompt(tiny.backbone.manifest, seed, { method }));
  });
  predictor = await createPredictor({
    backbone: tiny.backbone,
    loadPrompt: async (ref) => prompts.get(ref)!,
  });
});
afterAll(async () => {
  await predictor.close();
  await tiny[Symbol.asyncDispose]();
});

describe("tagging", () => {
  it("finds spans of the text as it was given, by each method bit-equal alone and among others", async () => {
    const uniform = randomNumbers(3);
    const requests = Array.from({ length: 24 }, (_, at) => ({
      text: `\u200b 👋 ${textOf(1 + Math.floor(uniform() * 9), uniform).replaceAll(" ", at % 2 === 0 ? "-" : "  ")}!`,
      prompt: `tagging ${METHODS[at % 4]}`,
    }));
    const [mixed, alone] = await Promise.all([
      predictor.tag(requests),
      predictor.tag(requests, { alone: true }),
      // Other tasks in the same passes.
      predictor.classify(requests.map(({ text }) => ({ text, prompt: "classification kv" }))),
    ]);
    expect(mixed).toEqual(alone);
    const found = mixed.flatMap(({ spans }, at) =>
      spans.map((span) => ({ ...span, text: requests[at]!.text })),
    );
    expect(found.length).toBeGreaterThan(0);
    for (const { label, start, end, score, text } of found) {
      expect(label).toBe("thing");
      expect(text.slice(start, end)).toBe(text.slice(start, end).trim());
      expect(end).toBeGreaterThan(start);
      expect(score).toBeGreaterThan(0);
      expect(score).toBeLessThanOrEqual(1);
    }
  });

  it("reads a long text to its limit, and one without words as nothing", async () => {
    const [long, empty] = await predictor.tag([
      { text: textOf(900, randomNumbers(1)), prompt: "tagging kv" },
      { text: "\u0007", prompt: "tagging kv" },
    ]);
    expect(long).toMatchObject({ truncated: true, tokens: 512 });
    expect(empty).toMatchObject({ spans: [], truncated: false, tokens: 2 });
  });
});

it("is refused where a prompt is for something else, and the other way round", async () => {
  const ask = (task: string) => [{ text: "my card", prompt: `${task} kv` }];
  await expect(predictor.tag(ask("classification"))).rejects.toMatchObject({ code: "wrong_task" });
  await expect(predictor.classify(ask("tagging"))).rejects.toMatchObject({ code: "wrong_task" });
  await expect(predictor.estimate(ask("tagging"))).rejects.toMatchObject({ code: "wrong_task" });
});
