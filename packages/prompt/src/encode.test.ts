import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodePrompt } from "./decode.ts";
import { encodePrompt } from "./encode.ts";
import type { Prompt } from "./prompt.ts";
import { headPrompt, kvPrompt, type Sizes, softPrompt } from "./sample-prompts.ts";
import { roundToStorage, type Storage } from "./storage.ts";

const label = fc.oneof(
  fc.string({ minLength: 1, unit: "binary" }),
  fc.constantFrom("__proto__", "constructor", "\ud800", '"', "\\", "\u0000", "7", "1"),
);

const size = fc.integer({ min: 1, max: 4 });

const sizes: fc.Arbitrary<Sizes> = fc.record({
  labels: fc.uniqueArray(label, { minLength: 1, maxLength: 6 }),
  hiddenSize: size,
  layers: size,
  heads: size,
  headDim: size,
  tokens: size,
  head: fc.constantFrom("cosine", "linear"),
});

const prompts: fc.Arbitrary<Prompt> = fc
  .tuple(fc.constantFrom(kvPrompt, softPrompt, headPrompt), sizes)
  .map(([make, chosen]) => make(chosen));

const storages: fc.Arbitrary<Storage> = fc.constantFrom("float16", "float32");

describe("round trip", () => {
  test("a reader gets what roundToStorage said it would get", async () => {
    await fc.assert(
      fc.asyncProperty(prompts, storages, async (prompt, storage) => {
        const stored = await decodePrompt(encodePrompt(prompt, { storage }));
        expect(stored.prompt).toEqual(roundToStorage(prompt, storage));
      }),
    );
  });

  test("float32 keeps every number, and rounding twice is rounding once", () => {
    fc.assert(
      fc.property(prompts, storages, (prompt, storage) => {
        const rounded = roundToStorage(prompt, storage);
        if (storage === "float32") expect(rounded.head).toEqual(prompt.head);
        expect(roundToStorage(rounded, storage)).toEqual(rounded);
      }),
    );
  });
});

test("the same prompt gives the same bytes and id, in whatever order the keys were set", async () => {
  const prompt = kvPrompt();
  const reversed = reverseKeys(prompt);
  const bytes = encodePrompt(prompt, { storage: "float16" });
  expect(encodePrompt(reversed, { storage: "float16" })).toEqual(bytes);
  const again = await decodePrompt(bytes);
  expect(encodePrompt(again.prompt, { storage: "float16" })).toEqual(bytes);
  expect(again.id).toMatchInlineSnapshot(
    `"sha256-9d8eca66f8ca258d99bfed09324681f633926c98b0bf059a3a4b76acdadb50ad"`,
  );
});

describe("size", () => {
  const minilm = { hiddenSize: 384, heads: 12, headDim: 32, layers: 3, tokens: 8 };

  test.each([
    { classes: 12, maxKilobytes: 64 },
    { classes: 77, maxKilobytes: 128 },
  ])("$classes labels on MiniLM with 3 layers of 8 tokens fit in $maxKilobytes KB", (row) => {
    const labels = Array.from({ length: row.classes }, (_, index) => `a_label_of_usual_length_${index}`);
    const prompt = kvPrompt({ ...minilm, labels, head: "linear" });
    expect(encodePrompt(prompt, { storage: "float16" }).length).toBeLessThanOrEqual(row.maxKilobytes * 1024);
  });
});

describe("a prompt that can't be stored", () => {
  test("float16 overflow of a finite number is found before it is written as infinity (TGIS prompt_cache.py)", () => {
    const prompt = kvPrompt();
    prompt.kv.data[3] = 1e6;
    expect(() => encodePrompt(prompt, { storage: "float16" })).toThrowErrorMatchingInlineSnapshot(
      `[KilotuneError: tensor "kv": expected numbers within +-65504 to store as float16, but saw 1000000 at index 3 of shape [2, 2, 2, 5, 3]]`,
    );
    expect(() => roundToStorage(prompt, "float16")).toThrow(
      expect.objectContaining({ code: "non_finite_after_cast" }),
    );
    expect(() => encodePrompt(prompt, { storage: "float32" })).not.toThrow();
  });

  test.each([65519.99, -65519.99])("%d still rounds to a finite half", async (value) => {
    const prompt = headPrompt();
    prompt.head.weight[0] = value;
    const { prompt: read } = await decodePrompt(encodePrompt(prompt, { storage: "float16" }));
    expect((read.head as typeof prompt.head).weight[0]).toBe(Math.sign(value) * 65504);
  });

  test.each([65520, -65520])("%d does not", (value) => {
    const prompt = headPrompt();
    prompt.head.weight[0] = value;
    expect(() => encodePrompt(prompt, { storage: "float16" })).toThrow(
      expect.objectContaining({ code: "non_finite_after_cast" }),
    );
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])("%d is refused in either storage", (value) => {
    const prompt = softPrompt();
    prompt.soft.data[1] = value;
    for (const storage of ["float16", "float32"] as const) {
      expect(() => encodePrompt(prompt, { storage })).toThrow(
        expect.objectContaining({ code: "non_finite" }),
      );
    }
  });

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])("a temperature of %d", (temperature) => {
    const prompt = headPrompt();
    const manifest = { ...prompt.manifest, calibration: { temperature } };
    expect(() => encodePrompt({ ...prompt, manifest }, { storage: "float16" })).toThrow(
      expect.objectContaining({ code: "bad_prompt" }),
    );
  });

  test("a manifest past its cap, by the same cap that the reader has", () => {
    const labels = Array.from({ length: 3 }, (_, index) => `${index}`.repeat(400_000));
    expect(() =>
      encodePrompt(headPrompt({ labels }), { storage: "float16" }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[KilotuneError: prompt manifest: expected at most 1048576 bytes, but saw 1200871]`,
    );
  });

  test("numbers at odds with the manifest are a fault of the program's", () => {
    const prompt = kvPrompt();
    const swapped = { ...prompt, kv: { ...prompt.kv, layers: prompt.kv.tokens, tokens: prompt.kv.layers } };
    expect(() => encodePrompt(swapped, { storage: "float16" })).toThrowErrorMatchingInlineSnapshot(
      `[Error: the manifest says {"method":"kv","kv":{"layers":2,"tokens":5,"heads":2,"headDim":3},"head":{"kind":"cosine","scale":20}}, the prompt is {"method":"kv","kv":{"layers":5,"tokens":2,"heads":2,"headDim":3},"head":{"kind":"cosine","scale":20}}]`,
    );
    const short = { ...prompt, head: { ...prompt.head, weight: new Float32Array(8) } };
    expect(() => encodePrompt(short, { storage: "float16" })).toThrowErrorMatchingInlineSnapshot(
      `[Error: tensor: 8 elements do not fill the shape [3, 4]]`,
    );
  });
});

test("a method and tensors of another can't be paired", () => {
  const { manifest, head } = headPrompt();
  // @ts-expect-error a kv prompt needs a kv manifest and a kv tensor
  const pairing: Prompt = { method: "kv", manifest, head };
  expect(() => encodePrompt(pairing, { storage: "float16" })).toThrow();
});

function reverseKeys<T>(value: T): T {
  if (Object.prototype.toString.call(value) !== "[object Object]") return value;
  const reversed = Object.entries(value as object).reverse();
  return Object.fromEntries(reversed.map(([key, item]) => [key, reverseKeys(item)])) as T;
}
