import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { prefixBucket } from "../prefixes.ts";
import { bucketOf, sequenceBucket } from "./buckets.ts";
import type { PreparedPrompt } from "./prepare-prompt.ts";

describe("sequenceBucket", () => {
  it.each([
    [0, 8],
    [2, 8],
    [8, 8],
    [9, 16],
    [64, 64],
    [65, 80],
    [128, 128],
    [129, 160],
    [511, 512],
    [512, 512],
    [544, 544],
  ])("pads %i tokens to %i", (tokens, padded) => {
    expect(sequenceBucket(tokens)).toBe(padded);
  });

  it("holds the row, never shrinks as the row grows, and wastes less than a step", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 700 }), (tokens) => {
        const padded = sequenceBucket(tokens);
        expect(padded).toBeGreaterThanOrEqual(tokens);
        expect(padded - tokens).toBeLessThan(tokens <= 64 ? 8 : 32);
        expect(sequenceBucket(tokens + 1)).toBeGreaterThanOrEqual(padded);
        expect(sequenceBucket(padded)).toBe(padded);
      }),
    );
  });
});

describe("prefixBucket", () => {
  it.each([
    [1, 8],
    [8, 8],
    [9, 16],
    [32, 32],
    [33, 64],
    [128, 128],
    [129, undefined],
  ])("gives %i tokens %s slots", (tokens, slots) => {
    expect(prefixBucket(tokens)).toBe(slots);
  });
});

describe("bucketOf", () => {
  const task = { kind: "classification", calibration: { temperature: 1 } } as const;
  const shared = { id: "a", labels: ["x"], maxTokens: 9, place: {}, task, pairs: false, sizeBytes: 0 };
  const head = { weight: new Float32Array(), factors: new Float64Array(), biases: new Float64Array() };
  const plain: PreparedPrompt = { ...shared, head };
  const soft = { ...plain, soft: { data: new Float32Array(), tokens: 7, hidden: 0 } };
  const kv = { ...plain, prefix: { slots: 16, block: new Float32Array(), mask: new Float32Array() } };

  it("is a row's own: soft tokens lengthen it, prefixes and heads do not", () => {
    expect(bucketOf(8, soft)).toEqual({ sequence: 16, prefix: 8 });
    expect(bucketOf(8, kv)).toEqual({ sequence: 8, prefix: 16 });
    expect(bucketOf(8, plain)).toEqual({ sequence: 8, prefix: 8 });
    expect(bucketOf(8, undefined)).toEqual({ sequence: 8, prefix: 0 });
  });

  it("lets rows of all methods with short prefixes share a pass", () => {
    const short = { ...plain, prefix: { ...kv.prefix, slots: prefixBucket(3)! } };
    const buckets = [bucketOf(8, short), bucketOf(8, plain), bucketOf(1, soft)];
    for (const bucket of buckets) expect(bucket).toEqual({ sequence: 8, prefix: 8 });
  });
});
