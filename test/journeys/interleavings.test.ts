import { expect, it } from "vitest";
import { interleave } from "./interleavings.ts";

it("jobs end once, whole and as told, whatever is cancelled, paused, retried, delivered twice or finished late", async () => {
  const { faults, ends, fates, acts } = await interleave({ runs: 25, seed: 100 });
  expect(faults).toEqual([]);
  expect(Object.keys(ends)).toEqual(expect.arrayContaining(["succeeded", "cancelled"]));
  expect(Object.keys(fates).sort()).toEqual(["killed", "late", "lost", "plain", "twice"]);
  expect(acts).toBeGreaterThan(25);
});
