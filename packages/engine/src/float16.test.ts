import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bfloat16ToFloat32, float16ToFloat32, float32ToFloat16 } from "./float16.ts";

const ALL_BITS = Uint16Array.from({ length: 65_536 }, (_, bits) => bits);

describe("float16", () => {
  test("all 65,536 halves mean what IEEE 754 says", () => {
    const values = float16ToFloat32(ALL_BITS);
    const wrong = ALL_BITS.filter((bits) => !Object.is(values[bits], halfByDefinition(bits)));
    expect(wrong).toHaveLength(0);
  });

  test("all halves but the NaNs survive the way to float32 and back", () => {
    const back = float32ToFloat16(float16ToFloat32(ALL_BITS));
    const changed = ALL_BITS.filter((bits) => back[bits] !== bits);
    expect(changed.every(isNaNBits)).toBe(true);
    expect(ALL_BITS.filter(isNaNBits).every((bits) => isNaNBits(back[bits]!))).toBe(true);
  });

  test("between two neighbours the nearer wins, halfway the even one, down to the subnormals", () => {
    // Positive finite halves are ordered as their bits are; 0x7bff is the largest.
    const finite = float16ToFloat32(ALL_BITS.subarray(0, 0x7c00));
    const middles = finite.subarray(1).map((upper, below) => (upper + finite[below]!) / 2);
    const rounded = float32ToFloat16(middles);
    const above = float32ToFloat16(middles.map(nextUp));
    for (let below = 0; below < middles.length; below++) {
      if (rounded[below] !== below + (below % 2)) expect.fail(`halfway above ${below}: ${rounded[below]}`);
      if (above[below] !== below + 1) expect.fail(`just past halfway above ${below}: ${above[below]}`);
    }
  });

  test.each([
    [65_504, 0x7bff],
    [65_519.99, 0x7bff],
    [65_520, 0x7c00],
    [1e30, 0x7c00],
    [-65_520, 0xfc00],
    [-0, 0x8000],
    [2 ** -24, 1],
    [2 ** -25, 0],
    [1e-30, 0],
  ])("%d becomes bits %d", (value, bits) => {
    expect(float32ToFloat16(Float32Array.of(value))[0]).toBe(bits);
  });

  test("property: the error is at most half a unit in the last place", () => {
    fc.assert(
      fc.property(fc.float({ min: -65_504, max: 65_504, noNaN: true }), (value) => {
        const seen = float16ToFloat32(float32ToFloat16(Float32Array.of(value)))[0]!;
        const exponent = Math.max(-14, Math.floor(Math.log2(Math.abs(value) || 1e-30)));
        expect(Math.abs(seen - value)).toBeLessThanOrEqual(2 ** (exponent - 11));
      }),
    );
  });

  test("a view into the middle of a buffer is read from its own start", () => {
    expect(float16ToFloat32(Uint16Array.of(0, 0x3c00, 0xc000, 0).subarray(1, 3))).toEqual(
      Float32Array.of(1, -2),
    );
  });

  test("bfloat16 is the upper half of a float32", () => {
    expect(bfloat16ToFloat32(Uint16Array.of(0x3f80, 0xc000, 0x0000, 0x8000, 0x7f80))).toEqual(
      Float32Array.of(1, -2, 0, -0, Infinity),
    );
  });
});

function halfByDefinition(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function isNaNBits(bits: number): boolean {
  return (bits & 0x7fff) > 0x7c00;
}

/** The next float32 above a positive one. */
function nextUp(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer);
  bits[0] = bits[0]! + 1;
  return new Float32Array(bits.buffer)[0]!;
}
