import { adaptersOnGpus, endpointEach } from "./simulate/alternatives.ts";
import { LIMITS, serving, TENANT, tuning } from "./simulate/assumptions.ts";
import { bill, sumOf, usageOfHousekeeping, usageOfServing, usageOfTuning } from "./simulate/cost.ts";
import { hitRateOf } from "./simulate/lru.ts";
import { zipf } from "./simulate/draws.ts";
import { IDLE_STAGES, usageOfIdle } from "./simulate/idle.ts";
import { PRICES } from "./simulate/prices.ts";
import { replay } from "./simulate/replay.ts";
import { simulateServing } from "./simulate/serving.ts";
import { scaleTable } from "./simulate/tables.ts";
import { simulateTuning } from "./simulate/tuning.ts";
import { defineBench, say } from "./support/bench.ts";

export const bench = defineBench({
  about:
    "what 100 to 1,000,000 tenants cost a month on AWS, and how long their calls and jobs wait: a simulation",
  goal: "its cache model within 5 % of the real caches given the same calls",
  flags: { seed: 1, requests: 400_000, calls: 10_000, tenants: 1_000 },
  async run({ seed, requests, calls, tenants }) {
    const scales = SCALES.map((count) => scaleOf(count, seed, requests));
    say(scaleTable(scales));
    const replayed = await replay({ calls, tenants });
    const { memoryHits, gets } = replayed;
    say(
      `the cache model, and ${replayed.calls} of its calls given to the real caches in ${replayed.environments} environments:\n` +
        `  in memory ${percent(memoryHits.model)} and ${percent(memoryHits.real)}, GETs a call ${percent(gets.model)} and ${percent(gets.real)}`,
    );
    const idle = Object.entries(IDLE_STAGES).map(([name, stage]) => [name, bill(usageOfIdle(stage)).total]);
    const figures = {
      scales,
      idleDollarsAMonth: Object.fromEntries(idle),
      replayed,
      prices: Object.keys(PRICES).length,
    };
    return { figures, reached: replayed.deviation <= 0.05 };
  },
});

const SCALES = [100, 1_000, 10_000, 100_000, 1_000_000];

export type Scale = ReturnType<typeof scaleOf>;

/** Everything of one number of tenants. */
export function scaleOf(tenants: number, seed: number, maxRequests: number) {
  const settings = serving(tenants, seed, maxRequests);
  const calls = simulateServing(settings);
  const jobs = simulateTuning(tuning(tenants, seed));
  const housekeeping = usageOfHousekeeping(tenants);
  const idle = usageOfIdle(IDLE_STAGES.production);
  const parts = {
    calls: bill(usageOfServing(tenants, calls)),
    jobs: bill(usageOfTuning(tenants, jobs)),
    housekeeping: bill(sumOf(housekeeping)),
    idle: bill(idle),
  };
  const total = Object.values(parts).reduce((sum, part) => sum + part.total, 0);
  const perSecond = (settings.requestsPerDay / 86_400) * Math.max(...settings.dayShape);
  const { shares } = zipf(tenants, settings.zipfExponent);
  return {
    tenants,
    requestsAMonth: tenants * TENANT.requests,
    calls,
    /** What one environment that got all calls would have in memory, by Che's approximation: a bound. */
    memoryHitsAtMost: hitRateOf(shares, settings.memoryPrompts),
    jobs,
    dollarsAMonth: total,
    dollarsATenant: total / tenants,
    parts: Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, part.total])),
    endpointEach: endpointEach(tenants),
    adaptersOnGpus: adaptersOnGpus(tenants),
    /** In the busiest hour, of what AWS allows. */
    assumesShare: (calls.assumes * perSecond) / LIMITS.assumes,
    platformReadsShare: perSecond / LIMITS.partitionReads,
    sweepShare: housekeeping.sweepSeconds / LIMITS.sweepSeconds,
  };
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
