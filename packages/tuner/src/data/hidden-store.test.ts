import type { Backbone } from "@kilotune/backbone";
import { type TinyBackbone, tinyBackbone } from "@kilotune/backbone/testing";
import type { Feeds, Session, Tensor } from "@kilotune/engine";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toyTexts, WORDS } from "../testing.ts";
import { HiddenStore } from "./hidden-store.ts";

let tiny: TinyBackbone;
let backbone: Backbone;
let lower: Session;
let rows: Int32Array[];

beforeAll(async () => {
  tiny = await tinyBackbone({ words: WORDS });
  backbone = tiny.backbone;
  lower = await backbone.open({ kind: "lower", firstLayer: 1 });
  rows = toyTexts(8).map(({ text }) => backbone.tokenizer.encode(text).ids);
});
afterAll(async () => {
  await lower.release();
  await tiny[Symbol.asyncDispose]();
});

describe("hidden states", () => {
  it("stand in a row's own positions, zeros behind them, as mask and pool say", async () => {
    const store = await HiddenStore.compute(backbone, lower, rows);
    const { hidden, mask, pool } = await store.batch([0, 5, 9]);
    const longest = Math.max(...[0, 5, 9].map((row) => rows[row]!.length));
    // Hidden states, queries and contexts of 32 numbers each, and a weight of each of 4 heads.
    const width = 3 * 32 + 4;
    expect(hidden?.dims).toEqual([3, longest, width]);
    [0, 5, 9].forEach((row, at) => {
      const tokens = rows[row]!.length;
      const states = (hidden!.data as Float32Array).subarray(
        at * longest * width,
        (at + 1) * longest * width,
      );
      expect(states.subarray(0, tokens * width).every((value) => value !== 0)).toBe(true);
      expect(states.subarray(tokens * width).every((value) => value === 0)).toBe(true);
      const sum = (tensor: Tensor | undefined) =>
        (tensor!.data as Float32Array).subarray(at * longest, (at + 1) * longest).reduce((a, b) => a + b, 0);
      expect(sum(mask)).toBe(tokens);
      expect(sum(pool)).toBeCloseTo(1, 6);
    });
  });

  it.each([0, 9000, 36_000])(
    "beyond a budget of %i bytes are computed again, to the same feeds",
    async (budgetBytes) => {
      const whole = await HiddenStore.compute(backbone, lower, rows);
      const partly = await HiddenStore.compute(backbone, lower, rows, { budgetBytes });
      for (const wanted of [[0], [3, 1, 2], [...rows.keys()]])
        expectSame(await partly.batch(wanted), await whole.batch(wanted));
    },
  );

  it("of a subset are those of its rows", async () => {
    const store = await HiddenStore.compute(backbone, lower, rows, { budgetBytes: 27_000 });
    const part = store.subset([7, 2, 11]);
    expect(part.rows).toEqual([rows[7], rows[2], rows[11]]);
    expect([...part.lengths]).toEqual([7, 2, 11].map((row) => rows[row]!.length));
    expectSame(await part.batch([0, 2]), await store.batch([7, 11]));
  });

  it("of two stores joined are those of the first, then of the second", async () => {
    const [first, second] = [rows.slice(0, 10), rows.slice(10)];
    const whole = await HiddenStore.compute(backbone, lower, rows);
    const joined = (await HiddenStore.compute(backbone, lower, first)).concat(
      await HiddenStore.compute(backbone, lower, second, { budgetBytes: 0 }),
    );
    expectSame(await joined.batch([0, 9, 10, 23]), await whole.batch([0, 9, 10, 23]));
  });

  it("tells how many rows are done, and takes none", async () => {
    const seen: number[] = [];
    const many = Array.from({ length: 70 }, (_, at) => rows[at % rows.length]!);
    await HiddenStore.compute(backbone, lower, many, { onProgress: (done) => seen.push(done) });
    expect(seen).toEqual([64, 70]);
    expect((await HiddenStore.compute(backbone, lower, [])).rows).toEqual([]);
  });
});

/** Rows computed beside other neighbours may differ by rounding, and by nothing else. */
function expectSame(ours: Feeds, theirs: Feeds): void {
  expect(Object.keys(ours)).toEqual(Object.keys(theirs));
  for (const [name, tensor] of Object.entries(theirs)) {
    expect(ours[name]?.dims).toEqual(tensor.dims);
    const [a, b] = [ours[name]!.data as Float32Array, tensor.data as Float32Array];
    const differences = a.map((value, at) => Math.abs(value - b[at]!));
    expect(Math.max(...differences)).toBeLessThan(1e-6);
  }
}
