import { prng } from "@kilotune/dataset";
import { describe, expect, it } from "vitest";
import { DropoutMasks } from "./dropout-masks.ts";

describe("dropout masks", () => {
  const masks = new DropoutMasks(0.1, 3);

  it("drop the given share and scale up the rest, so that the mean stays 1", () => {
    const { data, dims } = masks.draw([8, 4, 100, 30], prng(1));
    expect(dims).toEqual([8, 4, 100, 30]);
    const values = [...(data as Float32Array)];
    expect(new Set(values)).toEqual(new Set([0, Math.fround(1 / 0.9)]));
    expect(values.filter((value) => value === 0).length / values.length).toBeCloseTo(0.1, 2);
  });

  it("are views of one pool, not copies", () => {
    const random = prng(1);
    const [a, b] = [masks.draw([64], random), masks.draw([64], random)];
    expect(a.data.buffer).toBe(b.data.buffer);
    expect(a.data.byteOffset).not.toBe(b.data.byteOffset);
  });

  it("are the same for the same seed and place, others for another", () => {
    const same = new DropoutMasks(0.1, 3);
    expect(same.draw([1000], prng(5)).data).toEqual(masks.draw([1000], prng(5)).data);
    expect(masks.draw([1000], prng(6)).data).not.toEqual(masks.draw([1000], prng(5)).data);
    expect(new DropoutMasks(0.1, 4).draw([1000], prng(5)).data).not.toEqual(masks.draw([1000], prng(5)).data);
  });

  it("may be larger than the pool", () => {
    const size = 2 ** 22 + 5;
    const { data } = masks.draw([size], prng(1));
    expect(data.length).toBe(size);
    expect(data.subarray(-5).every((value) => value !== undefined)).toBe(true);
    expect((data as Float32Array).some((value) => value === 0)).toBe(true);
  });
});
