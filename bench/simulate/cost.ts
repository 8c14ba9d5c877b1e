import {
  DAYS,
  HOURS,
  KEY_CALLS_PER_GET,
  LIST_SECONDS,
  MEMORY_GB,
  NOTE_BYTES,
  PROGRESS_SECONDS,
  SPOT_SHARE,
  STATES,
  serving,
  TENANT,
  tuning,
  WATCH,
} from "./assumptions.ts";
import { meanOf, type Spread } from "./draws.ts";
import { PRICES, type Price, type PriceName } from "./prices.ts";
import type { ServingFigures } from "./serving.ts";
import type { TuningFigures } from "./tuning.ts";
import units from "./units.json" with { type: "json" };

/** What is used in a month, in the units of the price table. */
export type Usage = Readonly<Partial<Record<PriceName, number>>>;

/** By price: dollars a month. */
export function bill(usage: Usage, prices: Readonly<Record<PriceName, Price>> = PRICES) {
  const lines = Object.entries(usage).map(
    ([name, amount]) => [name, amount * prices[name as PriceName].dollars] as const,
  );
  const total = lines.reduce((sum, [, dollars]) => sum + dollars, 0);
  return { total, lines: Object.fromEntries(lines) as Record<PriceName, number> };
}

/** Calls of POST /v1/classify by all tenants. */
export function usageOfServing(tenants: number, figures: ServingFigures): Usage {
  const requests = tenants * TENANT.requests;
  const gets = requests * figures.gets;
  const { classify, upload } = units;
  const uploads = tenants * TENANT.uploads;
  return {
    lambdaCall: 2 * requests,
    lambdaGbSecond: requests * (figures.apiSeconds * MEMORY_GB.api + figures.inferSeconds * MEMORY_GB.infer),
    tableRead: requests * classify.reads + uploads * upload.reads,
    tableWrite: requests * classify.writes + uploads * upload.writes,
    tableGbMonth: (tenants * TENANT.recordBytes) / 1e9,
    tablePitrGbMonth: (tenants * TENANT.recordBytes) / 1e9,
    bucketGet: gets,
    bucketPut: uploads * upload.puts,
    bucketGbMonth: (tenants * TENANT.storedBytes) / 1e9,
    keyCall: gets * KEY_CALLS_PER_GET,
    logGb: (requests * WATCH.logBytesPerRequest) / 1e9,
    trace: requests * WATCH.tracedShare,
    outGb: (requests * TENANT.answerBytes) / 1e9,
  };
}

export function usageOfTuning(tenants: number, figures: TuningFigures): Usage {
  const jobs = tenants * TENANT.jobs;
  const { job, progress } = units;
  const reports = meanOf(tuning(tenants, 0).jobSeconds as Spread) / PROGRESS_SECONDS;
  const { validate, evaluate, publish, notify } = STATES;
  const gbSeconds =
    validate * MEMORY_GB.validate +
    evaluate * MEMORY_GB.evaluate +
    publish * MEMORY_GB.publish +
    notify * MEMORY_GB.notify;
  return {
    gpuHour: ((jobs * figures.machineSecondsPerJob) / 3600) * SPOT_SHARE,
    transition: jobs * STATES.transitions,
    lambdaCall: jobs * 4,
    lambdaGbSecond: jobs * gbSeconds,
    tableRead: jobs * (job.reads + reports * progress.reads),
    tableWrite: jobs * (job.writes + reports * progress.writes),
    bucketGet: jobs * job.gets,
    bucketPut: jobs * (job.puts + reports / 5),
  };
}

/** The rounds of `housekeeping`: webhooks every minute, what has had its time every hour. */
export function usageOfHousekeeping(tenants: number): Usage & { readonly sweepSeconds: number } {
  const jobs = tenants * TENANT.jobs;
  // For an hour after its job a tenant is asked for webhooks each minute.
  const withJobs = (jobs / HOURS) * 1.5;
  // What is new is looked at twice before it is put off; a job's checkpoints once more, at their end.
  const visits = 2 * tenants * (TENANT.jobs + TENANT.uploads) + jobs;
  const notes = tenants * -Math.expm1((-TENANT.jobs * 30) / DAYS);
  const { deliver, sweep } = units;
  const minutes = HOURS * 60;
  return {
    lambdaCall: minutes + HOURS * 5,
    tableRead:
      minutes * (1 + withJobs * deliver.reads) +
      HOURS * (1 + (notes * NOTE_BYTES) / 4096) +
      visits * sweep.reads,
    tableWrite: visits * sweep.writes,
    bucketPut: visits * sweep.puts,
    sweepSeconds:
      (visits / HOURS) * (sweep.rounds * serving(1, 0, 1).recordCall.p50 + sweep.puts * LIST_SECONDS) +
      (notes / 1000) * LIST_SECONDS,
  };
}

export function sumOf(...usages: readonly Usage[]): Usage {
  const sum: Partial<Record<PriceName, number>> = {};
  for (const usage of usages)
    for (const [name, amount] of Object.entries(usage))
      if (name in PRICES) sum[name as PriceName] = (sum[name as PriceName] ?? 0) + amount;
  return sum;
}
