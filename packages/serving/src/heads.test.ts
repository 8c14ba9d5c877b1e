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

  it("sums in float64: small terms survive beside large ones", () => {
    const wide = Float32Array.of(1e8, 1, -1e8);
    const head = readyHead({ kind: "linear", weight: wide, bias: Float32Array.of(0), scale: 1 }, 3);
    expect([...logitsOf(head, Float32Array.of(1, 1, 1))]).toEqual([1]);
  });
});
