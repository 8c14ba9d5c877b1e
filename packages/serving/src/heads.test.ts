import { describe, expect, it } from "vitest";
import { logitsOf, readyHead } from "./heads.ts";

const weight = Float32Array.of(3, 4, 0, -2, 0, 0);
const x = Float32Array.of(0.6, 0.8);

describe("logitsOf", () => {
  it("is scale * cosine for a cosine head, 0 where a class has no direction", () => {
    const head = readyHead({ kind: "cosine", weight, scale: 20 }, 2);
    const [first, second, third] = logitsOf(head, x);
    expect(first).toBeCloseTo(20, 5);
    expect(second).toBeCloseTo(-16, 5);
    expect(third).toBe(0);
  });

  it("is scale * (weight . x) + bias for a linear head", () => {
    const head = readyHead({ kind: "linear", weight, bias: Float32Array.of(0.5, -1, 2), scale: 3 }, 2);
    const logits = logitsOf(head, x);
    expect(logits[0]).toBeCloseTo(3 * 5 + 0.5, 5);
    expect(logits[1]).toBeCloseTo(3 * -1.6 - 1, 5);
    expect(logits[2]).toBe(2);
  });

  it("is scale * (weight . tanh(dense x + bias)) + bias for an mlp head, x of any length", () => {
    const dense = Float32Array.of(1, 0, 0.5, 0.5);
    const head = { kind: "mlp", dense, denseBias: Float32Array.of(0, 1), weight, scale: 2 } as const;
    const logits = logitsOf(
      readyHead({ ...head, bias: Float32Array.of(0.5, -1, 2) }, 2),
      Float32Array.of(2, -3),
    );
    const [first, second] = [Math.tanh(2), Math.tanh(1 - 0.5)];
    expect(logits[0]).toBeCloseTo(2 * (3 * first + 4 * second) + 0.5, 12);
    expect(logits[1]).toBeCloseTo(2 * (-2 * second) - 1, 12);
    expect(logits[2]).toBe(2);
  });

  it("sums in float64: small terms survive beside large ones", () => {
    const wide = Float32Array.of(1e8, 1, -1e8);
    const head = readyHead({ kind: "linear", weight: wide, bias: Float32Array.of(0), scale: 1 }, 3);
    expect([...logitsOf(head, Float32Array.of(1, 1, 1))]).toEqual([1]);
  });
});
