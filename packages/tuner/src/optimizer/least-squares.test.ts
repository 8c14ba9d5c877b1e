import fc from "fast-check";
import { expect, it } from "vitest";
import { leastSquares } from "./least-squares.ts";

const number = fc.double({ min: -10, max: 10, noNaN: true });

it("finds again what columns were summed by", () => {
  fc.assert(
    fc.property(
      fc.array(number, { minLength: 3, maxLength: 3 }),
      fc.array(number, { minLength: 9, maxLength: 9 }),
      (wanted, noise) => {
        // Far from depending on one another, whatever is added.
        const columns = [0, 1, 2].map((column) =>
          Float64Array.from({ length: 5 }, (_, at) =>
            at === column ? 30 : (noise[3 * column + (at % 3)] ?? 0),
          ),
        );
        const sum = Float64Array.from({ length: 5 }, (_, at) =>
          columns.reduce((all, own, column) => all + wanted[column]! * own[at]!, 0),
        );
        const found = leastSquares(columns)(sum);
        for (const [at, value] of wanted.entries()) expect(found[at]).toBeCloseTo(value, 5);
      },
    ),
  );
});

it("comes as close as can be, and takes the shortest of several", () => {
  const [x, y] = leastSquares([Float64Array.of(1, 0, 0), Float64Array.of(0, 2, 0)])(Float64Array.of(3, 4, 5));
  expect(x).toBeCloseTo(3, 6);
  expect(y).toBeCloseTo(2, 6);
  const twice = leastSquares([Float64Array.of(1, 1), Float64Array.of(1, 1)])(Float64Array.of(4, 4));
  expect(twice[0]).toBeCloseTo(2, 6);
  expect(twice[1]).toBeCloseTo(2, 6);
});
