import type { StoredPrompt } from "@kilotune/prompt";
import { afterAll, describe, expect, it } from "vitest";
import { randomImagePrompt } from "../vision/testing.ts";
import { tinyVisionBackbone } from "@kilotune/backbone/testing";
import { createPredictor } from "./predictor.ts";
import { randomPrompt, tinyBackbone } from "./testing.ts";

const tiny = await tinyBackbone();
const { manifest } = tiny.backbone;

/** A prompt of a classification, told to be another task's. */
function changed(seed: number, change: object, head: object = {}): StoredPrompt {
  const { prompt, ...stored } = randomPrompt(manifest, seed, { method: "kv", head: "linear" });
  const told = { ...prompt, head: { ...prompt.head, ...head }, manifest: { ...prompt.manifest, ...change } };
  return { ...stored, prompt: told as unknown as StoredPrompt["prompt"] };
}

const H = manifest.config.hiddenSize;
const prompts: Record<string, StoredPrompt> = {
  plain: changed(1, {}),
  scoped: changed(1, {
    calibration: { temperature: 1.5, outOfScope: { score: "probability", threshold: 1 } },
  }),
  open: changed(1, { calibration: { temperature: 1.5, outOfScope: { score: "energy", threshold: -1e9 } } }),
  several: changed(1, {
    task: "multi_label",
    calibration: { temperature: 2, thresholds: [0, 0.5, 1] },
  }),
  pair: changed(1, { input: "text_pair" }),
  number: changed(
    2,
    { task: "regression", labels: ["price"], calibration: { mean: 10, scale: 4 } },
    { weight: new Float32Array(H), bias: Float32Array.of(0.5) },
  ),
  huge: changed(
    2,
    { task: "regression", labels: ["price"], calibration: { mean: 10, scale: 1e308 } },
    { weight: new Float32Array(H), bias: Float32Array.of(1000) },
  ),
  search: changed(
    3,
    { task: "retrieval", labels: [], head: { kind: "none" }, calibration: {} },
    { kind: "none" },
  ),
};
const predictor = await createPredictor({
  backbone: tiny.backbone,
  loadPrompt: async (ref) => prompts[ref]!,
});
afterAll(async () => {
  await predictor.close();
  await tiny[Symbol.asyncDispose]();
});

const text = "my card was lost";
const classify = async (prompt: string, textPair?: string) =>
  (
    await predictor.classify([{ text, prompt, ...(textPair !== undefined && { textPair }) }], {
      logits: true,
    })
  )[0]!;

describe("tasks of texts", () => {
  it("several labels: each by its own probability and threshold", async () => {
    const { logits, scores, labels } = await classify("several");
    const probability = (c: number) => 1 / (1 + Math.exp(-logits![c]! / 2));
    const names = ["refund", "delivery", "other"];
    for (const { label, score } of scores) expect(score).toBeCloseTo(probability(names.indexOf(label)), 12);
    const given = labels!.map(({ label }) => label).sort();
    expect(given).toEqual((probability(1) >= 0.5 ? ["delivery", "refund"] : ["refund"]).sort());
    expect((await classify("plain")).logits).toEqual(logits);
  });

  it("out of scope: below the threshold of its score", async () => {
    expect((await classify("scoped")).outOfScope).toBe(true);
    expect((await classify("open")).outOfScope).toBe(false);
    expect(await classify("plain")).not.toHaveProperty("outOfScope");
  });

  it("pairs: two texts, told apart; one alone is refused, and so are two where one was learnt", async () => {
    const { logits, tokens } = await classify("pair", "where is the refund");
    expect(tokens).toBe(tiny.backbone.tokenizer.encodePair(text, "where is the refund").ids.length);
    expect(logits).not.toEqual((await classify("plain")).logits);
    await expect(classify("pair")).rejects.toMatchObject({ code: "wrong_input" });
    await expect(classify("plain", "b")).rejects.toMatchObject({ code: "wrong_input" });
  });

  it("a number: mean + scale * logit", async () => {
    const [answer] = await predictor.estimate([{ text, prompt: "number" }]);
    expect(answer).toMatchObject({ label: "price", value: 10 + 4 * 0.5 * 1 });
    await expect(predictor.estimate([{ text, prompt: "plain" }])).rejects.toMatchObject({
      code: "wrong_task",
    });
    await expect(classify("number")).rejects.toMatchObject({ code: "wrong_task" });
    // A file's scale is finite, and its number wasn't: JSON made null of it.
    await expect(predictor.estimate([{ text, prompt: "huge" }])).rejects.toMatchObject({
      code: "non_finite",
    });
  });

  it("retrieval: the vector through the prompt, another than the plain one", async () => {
    const [through] = await predictor.embed([text], { prompt: "search" });
    const [plain] = await predictor.embed([text]);
    expect(Math.sqrt(through!.vector.reduce((sum, x) => sum + x * x, 0))).toBeCloseTo(1, 5);
    expect(through!.vector).not.toEqual(plain!.vector);
    await expect(predictor.embed([text], { prompt: "plain" })).rejects.toMatchObject({ code: "wrong_task" });
    await expect(classify("search")).rejects.toMatchObject({ code: "wrong_task" });
  });

  it("of images, or of words, are refused by name", async () => {
    await using vision = await tinyVisionBackbone();
    const images = randomImagePrompt(vision.backbone.manifest, 1, { task: "classification", method: "head" });
    const tagging = changed(1, { task: "tagging" });
    for (const stored of [images, tagging]) {
      const other = await createPredictor({ backbone: tiny.backbone, loadPrompt: async () => stored });
      await expect(other.classify([{ text, prompt: "" }])).rejects.toMatchObject({
        code: stored === images ? "backbone_mismatch" : "wrong_task",
      });
      await other.close();
    }
  });
});
