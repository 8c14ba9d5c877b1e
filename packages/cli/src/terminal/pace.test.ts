import { expect, it } from "vitest";
import { Pace } from "./pace.ts";

function paceAt() {
  let ms = 0;
  const pace = new Pace(() => ms);
  return (seconds: number, done: number, all = 1000) => {
    ms = seconds * 1000;
    return pace.at(done, all);
  };
}

it("is of the last seconds, once there is one", () => {
  const at = paceAt();
  expect(at(0, 0)).toBeUndefined();
  expect(at(0.5, 50)).toBeUndefined();
  expect(at(1, 100)).toEqual({ perSecond: 100, secondsLeft: 9 });
  // Slower since: after five seconds of it nothing else counts.
  for (let second = 2; second <= 7; second++) at(second, 100 + 10 * (second - 1));
  expect(at(8, 170)?.perSecond).toBeCloseTo(10);
  expect(at(8, 170)?.secondsLeft).toBeCloseTo(83);
});

it("begins anew where a call is tried again, and says nothing of what stands still", () => {
  const at = paceAt();
  at(0, 0);
  expect(at(2, 500)?.perSecond).toBe(250);
  expect(at(2.1, 0)).toBeUndefined();
  expect(at(3.1, 10)?.perSecond).toBeCloseTo(10);
  for (let second = 4; second < 12; second++) at(second, 10);
  expect(at(12, 10)).toBeUndefined();
});

it("remembers a handful of moments, however often it is asked", () => {
  const at = paceAt();
  for (let step = 0; step < 100_000; step++) at(step / 1000, step, 100_000);
  expect(at(100, 100_000, 100_000)).toEqual({ perSecond: expect.closeTo(1000, 0), secondsLeft: 0 });
});
