import type { VisionManifest } from "@kilotune/backbone";
import { expect, it } from "vitest";
import { chooseVisionSettings } from "./choose-settings.ts";
import { chooseDenseSettings } from "./dense-settings.ts";
import type { VisionMethod } from "./settings.ts";

const manifest = { config: { layers: 12, hasClassToken: true } } as VisionManifest;
const choose = (method: VisionMethod, trainRows = 600, more = {}) =>
  chooseVisionSettings(manifest, { method, trainRows, seed: 0, ...more });

it("few images get more epochs, many never fewer steps", () => {
  const sizes = [1, 100, 300, 600, 5000, 1_000_000];
  const epochs = sizes.map((rows) => choose("lora", rows).epochs);
  expect(epochs).toEqual([30, 18, 10, 7, 3, 3]);
  const steps = sizes.map((rows, at) => epochs[at]! * Math.ceil(rows / choose("lora").batchSize));
  expect([...steps].sort((a, b) => a - b)).toEqual(steps);
});

it("prompts stand on all layers, a head alone on the last; soft ones below the first whatever is asked", () => {
  expect(choose("deep").firstLayer).toBe(0);
  expect(choose("head").firstLayer).toBe(11);
  expect(choose("soft", 600, { firstLayer: 4 }).firstLayer).toBe(0);
});

it("what the user gave goes first", () => {
  const given = { tokens: 3, firstLayer: 5, epochs: 2, seed: 9 };
  expect(choose("kv", 600, given)).toMatchObject(given);
});

it("a backbone without a class token is read by its patches' mean", () => {
  const without = { config: { layers: 12, hasClassToken: false } } as VisionManifest;
  expect(chooseVisionSettings(without, { method: "kv", trainRows: 9, seed: 0 }).feature).toBe("mean");
});

it("a head of masks or boxes that stands already is changed more slowly", () => {
  const rate = (headStands: boolean) =>
    chooseDenseSettings(manifest, { method: "lora", trainRows: 9, seed: 0, headStands }).headLearningRate;
  expect(rate(true)).toBeLessThan(rate(false));
});
