import { readFile } from "node:fs/promises";
import path from "node:path";
import { importPrompt } from "@kilotune/prompt/exchange";
import { afterAll, describe, expect, it } from "vitest";
import { FIXTURES, GOLDENS, largestDifference, openTinyBase, servedLogits, sourceOf } from "./tiny-base.ts";

const { texts, logits }: { texts: string[]; logits: Record<string, number[][]> } = JSON.parse(
  await readFile(path.join(GOLDENS, "wanted.json"), "utf8"),
);
const tiny = await openTinyBase();
afterAll(() => tiny[Symbol.asyncDispose]());

describe("an imported prompt", () => {
  it.each(Object.keys(FIXTURES))("%s answers as PyTorch does, within 1e-5", async (name) => {
    const { source, options } = sourceOf(name, GOLDENS);
    const { prompt } = await importPrompt(source, tiny.base, options);
    const ours = await servedLogits(tiny.backbone, prompt, texts);
    expect(ours).toHaveLength(texts.length);
    expect(largestDifference(ours, logits[name]!)).toBeLessThan(1e-5);
  });
});
