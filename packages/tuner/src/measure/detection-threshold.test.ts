import { expect, it } from "vitest";
import { scoreDetections } from "./average-precision.ts";
import { bestThreshold } from "./detection-threshold.ts";

const box = (left: number) => ({ kind: "box", box: [left, 0, left + 10, 10] }) as const;

it("is where most is found and least invented", () => {
  const truths = [0, 20, 40, 60].map((left) => ({ label: 0, shape: box(left) }));
  const at = (left: number, score: number) => ({ label: 0, shape: box(left), score });
  // Three right, then one wrong, then the fourth: 3 of 3 at 0.7 are an F1 of 6 / 7, 4 of 5 at 0.3 one of 8 / 9.
  const detections = [at(0, 0.9), at(20, 0.8), at(40, 0.7), at(200, 0.5), at(60, 0.3)];
  expect(bestThreshold(scoreDetections([{ truths, detections }], 1))).toBe(0.3);
  const worse = [...detections.slice(0, 4), at(300, 0.4), at(400, 0.35), at(60, 0.3)];
  expect(bestThreshold(scoreDetections([{ truths, detections: worse }], 1))).toBe(0.7);
});

it("is the middle where nothing tells", () => {
  expect(bestThreshold(scoreDetections([{ truths: [], detections: [] }], 2))).toBe(0.5);
  const missed = { truths: [{ label: 0, shape: box(0) }], detections: [] };
  expect(bestThreshold(scoreDetections([missed], 1))).toBe(0.5);
});
