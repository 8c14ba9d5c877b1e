import { prng } from "@kilotune/dataset";
import fc from "fast-check";
import { expect, it } from "vitest";
import { lengthBatches, splitByLength } from "./batches.ts";

const cases = fc.record({
  lengths: fc.array(fc.integer({ min: 1, max: 64 }), { maxLength: 200 }),
  batchSize: fc.integer({ min: 1, max: 40 }),
  seed: fc.integer({ min: 0, max: 1000 }),
});

it("every row is in one batch; only one is not full; padding is less than sorted rows need", () => {
  fc.assert(
    fc.property(cases, ({ lengths, batchSize, seed }) => {
      const batches = lengthBatches(lengths, batchSize, prng(seed));
      expect(batches.flat().sort((a, b) => a - b)).toEqual([...lengths.keys()]);
      expect(batches.filter((batch) => batch.length < batchSize).length).toBeLessThanOrEqual(1);
      // Within a batch lengths rise, and no two batches overlap by more than an end.
      const spans = batches.map((batch) => batch.map((row) => lengths[row]!));
      for (const span of spans) expect(span).toEqual([...span].sort((a, b) => a - b));
      spans.sort((a, b) => a[0]! - b[0]! || a.at(-1)! - b.at(-1)!);
      for (const [at, span] of spans.entries())
        expect(span[0]).toBeGreaterThanOrEqual(spans[at - 1]?.at(-1) ?? 0);
    }),
  );
});

it("the same seed gives the same order, every epoch another one", () => {
  const lengths = Array.from({ length: 100 }, (_, row) => 5 + (row % 7));
  const [first, again] = [prng(7), prng(7)];
  const epochs = [1, 2, 3].map(() => lengthBatches(lengths, 8, first));
  expect([1, 2, 3].map(() => lengthBatches(lengths, 8, again))).toEqual(epochs);
  expect(new Set(epochs.map((epoch) => JSON.stringify(epoch))).size).toBe(3);
  expect(lengthBatches(lengths, 8, prng(8))).not.toEqual(epochs[0]);
});

it("without random numbers the order is that of the lengths, then of the rows", () => {
  expect(lengthBatches([3, 1, 2, 1], 3)).toEqual([[1, 3, 2], [0]]);
});

it("no rows, no batches", () => {
  expect(lengthBatches([], 4, prng(0))).toEqual([]);
});

it("splitting keeps the rows and their order, and splits only where that saves 64 positions of padding", () => {
  fc.assert(
    fc.property(cases, ({ lengths, batchSize }) => {
      const padded = (rows: readonly number[]) => rows.length * lengths[rows.at(-1) as number]!;
      for (const batch of lengthBatches(lengths, batchSize)) {
        const parts = splitByLength(batch, lengths);
        expect(parts.flat()).toEqual(batch);
        const saved = padded(batch) - parts.reduce((sum, part) => sum + padded(part), 0);
        expect(parts.length).toBe(saved >= 64 ? 2 : 1);
      }
    }),
  );
});

it("splits the few long rows off where that saves most", () => {
  const lengths = [...Array<number>(10).fill(10), 30, 40];
  expect(splitByLength([...lengths.keys()], lengths)).toEqual([[...Array(10).keys()], [10, 11]]);
});
