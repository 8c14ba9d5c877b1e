import { expect, it } from "vitest";
import { editDistance, nearest } from "./nearest.ts";

it("counts letters put in, taken out and replaced", () => {
  expect(editDistance("", "abc")).toBe(3);
  expect(editDistance("kitten", "sitting")).toBe(3);
  expect(editDistance("same", "same")).toBe(0);
});

it("suggests only what is near", () => {
  const names = ["lint", "tune", "classify", "evaluate"];
  expect(nearest("clasify", names)).toBe("classify");
  expect(nearest("lnt", names)).toBe("lint");
  expect(nearest("deploy", names)).toBeUndefined();
  expect(nearest("x".repeat(1e6), names)).toBeUndefined();
});
