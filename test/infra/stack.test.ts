import { expect, it } from "vitest";
import { fakeArtifacts } from "./artifacts.fixtures.ts";
import { harvest } from "./harvest.ts";

it("runs", async () => {
  for (const stage of ["dev", "staging", "production"]) {
    console.time(stage);
    const h = await harvest({
      stage,
      secrets: { AdminKeyHash: "a".repeat(64) },
      environment: { KILOTUNE_ARTIFACTS: fakeArtifacts() },
    });
    console.timeEnd(stage);
    console.log(h.resources.length, h.outputs);
    (await import("node:fs")).writeFileSync(`/tmp/h3/${stage}.json`, JSON.stringify(h, null, 1));
  }
  expect(1).toBe(1);
});
