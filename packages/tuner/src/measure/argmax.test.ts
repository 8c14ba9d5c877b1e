import { expect, it } from "vitest";
import { argmaxRows } from "./argmax.ts";

it("the place of the largest in each row, the first of equals", () => {
  expect([...argmaxRows(Float32Array.of(1, 3, 2, -1, -1, -2), 3)]).toEqual([1, 0]);
  expect(argmaxRows(new Float32Array(0), 3).length).toBe(0);
});
