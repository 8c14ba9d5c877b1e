import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SST_PLATFORM } from "../setup/sst-platform.ts";
import { fakeArtifacts } from "./artifacts.fixtures.ts";
import { type Harvest, harvest } from "./harvest.ts";
import { RULES } from "./rules.ts";

/** The whole stack of three stages, without AWS: what it can't show, docs/deploy.md says. */
const STAGES = { dev: "personal", staging: "staging", production: "production" } as const;

describe.skipIf(!existsSync(SST_PLATFORM))("the stack", () => {
  const artifacts = fakeArtifacts();
  afterAll(() => rm(artifacts, { recursive: true, force: true }));

  describe.each(Object.entries(STAGES))("of %s", (stage, shape) => {
    let stack: Harvest;
    beforeAll(async () => {
      stack = await harvest({
        stage,
        secrets: { AdminKeyHash: "a".repeat(64) },
        environment: { KILOTUNE_ARTIFACTS: artifacts },
      });
    });

    it.each(Object.entries(RULES))("%s", (_, rule) => {
      expect(rule(stack, { shape })).toEqual([]);
    });
  });
});
