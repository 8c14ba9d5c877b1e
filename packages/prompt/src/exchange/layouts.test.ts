import fc from "fast-check";
import { expect, it } from "vitest";
import { numbers } from "../sample-prompts.ts";
import { embedPrompt, unembedPrompt } from "./embedding-norm.ts";
import { fromColumns, toColumns } from "./prefix-columns.ts";
import { memoryBase, SIZES } from "./testing.ts";

it("a prefix's columns: layer, key or value, head, number, one row a token", () => {
  const sizes = { layers: 2, heads: 2, tokens: 2, headDim: 3 };
  // Each number tells its place: token 10000, layer 1000, key or value 100, head 10, number 1.
  const columns: number[] = [];
  for (const token of [0, 1])
    for (const layer of [0, 1])
      for (const part of [0, 1])
        for (const head of [0, 1])
          for (const at of [0, 1, 2])
            columns.push(10000 * token + 1000 * layer + 100 * part + 10 * head + at);
  const kv = [...fromColumns(Float32Array.from(columns), sizes)];
  expect(kv.slice(0, 12)).toEqual([0, 1, 2, 10000, 10001, 10002, 10, 11, 12, 10010, 10011, 10012]);
  expect(kv.slice(-3)).toEqual([11110, 11111, 11112]);
});

it("columns go there and back for any sizes", () => {
  const size = fc.integer({ min: 1, max: 4 });
  fc.assert(
    fc.property(fc.record({ layers: size, heads: size, tokens: size, headDim: size }), (sizes) => {
      const { layers, heads, tokens, headDim } = sizes;
      const kv = numbers(layers * 2 * heads * tokens * headDim, 3);
      expect(fromColumns(toColumns(kv, sizes), sizes)).toEqual(kv);
    }),
  );
});

it("what the embeddings' norm gave can be undone: the norm gives it again", async () => {
  const base = memoryBase();
  const soft = await embedPrompt(numbers(5 * SIZES.hiddenSize, 12), base);
  const again = await embedPrompt(await unembedPrompt(soft, base), base);
  for (const [at, value] of again.entries()) expect(value).toBeCloseTo(soft[at]!, 5);
});

it("what never passed the norm can't", async () => {
  const free = numbers(5 * SIZES.hiddenSize, 12);
  await expect(unembedPrompt(free, memoryBase())).rejects.toThrow(
    expect.objectContaining({ code: "not_expressible" }),
  );
});
