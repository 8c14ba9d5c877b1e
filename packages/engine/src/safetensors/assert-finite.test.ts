import { describe, expect, test } from "vitest";
import type { Tensor } from "../tensor.ts";
import { assertFinite } from "./assert-finite.ts";

describe("assertFinite", () => {
  test.each([NaN, Infinity, -Infinity])("finds the first %d, wherever it is", (bad) => {
    for (const index of [0, 1, 4095, 4096, 9999]) {
      const data = new Float32Array(10_000).fill(-3e38);
      data[index] = bad;
      data[9999] = bad;
      expect(() => assertFinite({ type: "float32", dims: [100, 100], data }, "prompt")).toThrow(
        expect.objectContaining({
          code: "non_finite",
          message: `tensor "prompt": expected finite numbers, but saw ${bad} at index ${index} of shape [100, 100]`,
        }),
      );
    }
  });

  test("float64 and float16 are looked at too", () => {
    const double: Tensor = { type: "float64", dims: [2], data: Float64Array.of(1e308, NaN) };
    const half: Tensor = { type: "float16", dims: [3], data: Uint16Array.of(0x7bff, 0xfbff, 0xfc00) };
    expect(() => assertFinite(double, "d")).toThrow("index 1");
    expect(() => assertFinite(half, "h")).toThrow("the half 0xfc00 at index 2");
  });

  test("finite numbers and integers pass", () => {
    assertFinite({ type: "float32", dims: [3], data: Float32Array.of(3.4e38, -0, 1e-45) }, "f");
    assertFinite({ type: "float16", dims: [1], data: Uint16Array.of(0x7bff) }, "h");
    assertFinite({ type: "uint8", dims: [1], data: Uint8Array.of(0xff) }, "u");
    assertFinite({ type: "float32", dims: [0], data: new Float32Array() }, "empty");
  });
});
