import { expect, it } from "vitest";
import { killRounds, PHASES } from "./kill-rounds.ts";

/** `npm run -s bench -- kill` does it a hundred times; so does KILOTUNE_KILLS=100. */
const KILLS = Number(process.env.KILOTUNE_KILLS ?? 6);

it("a server killed in uploads, jobs, publications and moves loses nothing and tears nothing", async () => {
  const figures = await killRounds({ count: KILLS, seed: Date.now() });
  expect(figures).toMatchObject({ lost: [], torn: [] });
  for (const phase of PHASES) expect(figures.kills[phase]).toBeGreaterThan(0);
  expect(figures.acknowledged.jobs).toBeGreaterThan(2);
}, 600_000);
