import type { BackboneManifest } from "@kilotune/backbone";
import fc from "fast-check";
import { expect, it } from "vitest";
import { chooseSettings } from "./choose-settings.ts";

const BACKBONE = { config: { layers: 6, hiddenSize: 384, heads: 12, headDim: 32 } } as BackboneManifest;
const choose = (trainRows: number, more = {}) =>
  chooseSettings(BACKBONE, { method: "kv", seed: 0, trainRows, ...more });

it("more rows never want more epochs, nor fewer steps than fewer rows", () => {
  const steps = (rows: number) => choose(rows).epochs * Math.ceil(rows / choose(rows).batchSize);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e6 }), fc.integer({ min: 1, max: 1e6 }), (a, b) => {
      const [few, many] = a < b ? [a, b] : [b, a];
      expect(choose(many).epochs).toBeLessThanOrEqual(choose(few).epochs);
      // One epoch is dropped at once, which may cost one in four (4 to 3).
      expect(steps(many)).toBeGreaterThanOrEqual(steps(few) * 0.74);
    }),
  );
});

it.each([
  { what: "2 rows in all", rows: 2, least: 10, most: 40 },
  { what: "2 rows a class, 77 classes", rows: 154, least: 10, most: 30 },
  { what: "10 rows a class", rows: 770, least: 6, most: 20 },
  { what: "10,000 rows", rows: 10_000, least: 3, most: 10 },
  { what: "a million rows", rows: 1_000_000, least: 1, most: 5 },
])("$what: from $least to $most epochs", ({ rows, least, most }) => {
  const { epochs } = choose(rows);
  expect(Number.isInteger(epochs)).toBe(true);
  expect(epochs).toBeGreaterThanOrEqual(least);
  expect(epochs).toBeLessThanOrEqual(most);
});

it("prefixes go on the upper half of the layers; soft tokens always stand below them all", () => {
  expect(choose(100).firstLayer).toBe(3);
  expect(
    chooseSettings(BACKBONE, { method: "soft", seed: 0, trainRows: 100, firstLayer: 2 }).firstLayer,
  ).toBe(0);
});

it("what the user gave goes first", () => {
  const given = { tokens: 3, firstLayer: 0, epochs: 2 };
  expect(choose(100, { ...given, seed: 9 })).toMatchObject({ ...given, seed: 9 });
});

it("many rows let the head learn faster, and the softmax be sharper", () => {
  const [few, many] = [choose(1500), choose(10_000)];
  expect(many.headLearningRate).toBeGreaterThan(few.headLearningRate);
  expect(many.temperature).toBeLessThan(few.temperature);
});
