import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { prng, resumePrng } from "./prng.ts";

describe("prng", () => {
  it("gives xoshiro128** 1.1's published numbers from the state 1, 2, 3, 4", () => {
    const random = resumePrng([1, 2, 3, 4]);
    const words = Array.from({ length: 10 }, () => random.uniform() * 2 ** 32);
    expect(words).toEqual([
      11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
    ]);
  });

  it("must not change from release to release: drawn rows and prompts depend on it", () => {
    const random = prng(42, "shots refund");
    expect({
      state: random.state,
      uniform: random.uniform(),
      integers: Array.from({ length: 5 }, () => random.integer(1000)),
      shuffled: random.shuffle([1, 2, 3, 4, 5, 6, 7]),
    }).toMatchInlineSnapshot(`
      {
        "integers": [
          216,
          984,
          681,
          890,
          473,
        ],
        "shuffled": [
          5,
          3,
          2,
          6,
          7,
          4,
          1,
        ],
        "state": [
          1610812569,
          4058229771,
          31460008,
          243302367,
        ],
        "uniform": 0.5102383336052299,
      }
    `);
    expect(random.normal()).toBeCloseTo(0, -1);
  });

  it("goes on from its state with the very next number", () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(200), (seed, drawn) => {
        const random = prng(seed);
        for (let i = 0; i < drawn; i++) random.normal();
        const resumed = resumePrng(JSON.parse(JSON.stringify(random.state)));
        expect([resumed.normal(), resumed.integer(77), resumed.uniform()]).toEqual([
          random.normal(),
          random.integer(77),
          random.uniform(),
        ]);
      }),
    );
  });

  it("differs by seed, by seeds that differ in the high word, and by stream", () => {
    const states = [prng(0), prng(1), prng(2 ** 32), prng(2 ** 32 + 1), prng(0, "a"), prng(0, "b")].map(
      ({ state }) => state.join(),
    );
    expect(new Set(states).size).toBe(6);
  });

  it("draws every integer equally often and normals of mean 0 and variance 1", () => {
    const random = prng(7);
    const counts = new Array<number>(6).fill(0);
    for (let i = 0; i < 60_000; i++) counts[random.integer(6)]!++;
    // 10,000 each, standard deviation 91.
    for (const times of counts) expect(Math.abs(times - 10_000)).toBeLessThan(450);
    const normals = Array.from({ length: 50_000 }, () => random.normal());
    const mean = normals.reduce((sum, x) => sum + x, 0) / normals.length;
    const variance = normals.reduce((sum, x) => sum + (x - mean) ** 2, 0) / normals.length;
    expect(Math.abs(mean)).toBeLessThan(0.02);
    expect(Math.abs(variance - 1)).toBeLessThan(0.03);
  });

  it("shuffles typed arrays too, and keeps every element", () => {
    const shuffled = prng(3).shuffle(Int32Array.from({ length: 100 }, (_, i) => i));
    expect(shuffled).not.toEqual(Int32Array.from({ length: 100 }, (_, i) => i));
    expect([...shuffled].sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  it.each([-1, 0.5, Number.NaN, 2 ** 53])("refuses the seed %d", (seed) => {
    expect(() => prng(seed)).toThrow(expect.objectContaining({ code: "bad_seed", kind: "usage" }));
  });

  it.each([[[0, 0, 0, 0]], [[1, 2, 3]], [[1, 2, 3, -4]], [[1, 2, 3, 4.5]], [[1, 2, 3, 2 ** 32]]])(
    "refuses the state %j",
    (state) => {
      expect(() => resumePrng(state as never)).toThrow(expect.objectContaining({ code: "bad_prng_state" }));
    },
  );
});
