import { expect, it } from "vitest";
import { GraphBuilder } from "../ir/builder.ts";
import type { Dim } from "../ir/dim.ts";
import { openReferenceSession } from "../session/reference.ts";
import { sumToShape } from "./sum-to-shape.ts";

const SIX = { type: "float64", dims: [2, 3], data: Float64Array.of(1, 2, 3, 4, 5, 6) } as const;

it.each<[shape: Dim[], sum: number[]]>([
  [
    ["B", "S"],
    [1, 2, 3, 4, 5, 6],
  ],
  [
    [1, "S"],
    [5, 7, 9],
  ],
  [
    ["B", 1],
    [6, 15],
  ],
  [["S"], [5, 7, 9]],
  [[1], [21]],
  [[], [21]],
])("sums a gradient [B, S] down to [%s]", async (shape, sum) => {
  const b = new GraphBuilder("g");
  const summed = sumToShape(b, b.input("g", "float32", ["B", "S"]), shape);
  expect(summed.shape).toEqual(shape);
  b.output(summed, "y");
  const { y } = await openReferenceSession(b.build()).run({ g: SIX });
  expect(y?.data).toEqual(Float64Array.from(sum));
});

it("stretches a gradient that a rule left smaller, where the shape is in numbers", () => {
  const b = new GraphBuilder("g");
  const scalar = b.input("g", "float32", []);
  expect(sumToShape(b, scalar, [2, 3]).shape).toEqual([2, 3]);
  expect(() => sumToShape(b, scalar, ["B"])).toThrowErrorMatchingInlineSnapshot(
    `[Error: a gradient of shape [] doesn't fit [B]]`,
  );
});
