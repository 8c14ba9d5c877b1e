import units from "./units.json" with { type: "json" };
import type { ServingSettings } from "./serving.ts";
import type { TuningSettings } from "./tuning.ts";

/*
 * Everything that the simulation takes for granted. `measured`: on this machine or the emulator. `deployed`: what infra/stack
 * sets. `said`: by AWS. `assumed`: nobody has measured it here; change it and see whether it matters.
 */

/** Of a tenant in a month. Assumed. */
export const TENANT = {
  requests: 1_000,
  jobs: 0.5,
  uploads: 1,
  /** Of a request, and of its answer. */
  answerBytes: 1_000,
  storedBytes: 1_000_000,
  recordBytes: 100_000,
} as const;

/** By the hour of the day, around 1: an office's day, with some of the world's. Assumed. */
export const DAY_SHAPE = around1([
  4, 3, 3, 3, 3, 4, 6, 9, 13, 16, 18, 19, 18, 18, 19, 18, 17, 14, 11, 9, 8, 7, 6, 5,
]);

/** Deployed: memory of the functions, in GB; a prompt takes 49.5 KB as a file and 169 KB ready for use (measured, minilm-l6). */
export const MEMORY_GB = { api: 1, infer: 1.769, validate: 1, evaluate: 3.008, publish: 0.5, notify: 0.5 };
const PROMPT_BYTES = { file: 49_500, prepared: 168_876 };
const CACHE_BYTES = { memory: 256e6, disk: 256e6 };

/** Said (concurrency is the account's default, 1,000 new environments every ten seconds); how long they live is assumed. */
const POOL = { concurrency: 1000, newPerSecond: 100, idleSeconds: 600, lifeSeconds: 7200 };

export function serving(tenants: number, seed: number, maxRequests: number): ServingSettings {
  return {
    seed,
    tenants,
    requestsPerDay: (tenants * TENANT.requests) / DAYS,
    zipfExponent: 1,
    dayShape: DAY_SHAPE,
    maxRequests,
    // Assumed until `lambda-cold` has run in Lambda; its goal is 1.5 s with the first answer.
    api: { ...POOL, init: { p50: 0.5, p99: 1 } },
    infer: { ...POOL, init: { p50: 1.2, p99: 2.5 } },
    // Assumed.
    work: { p50: 0.003, p99: 0.01 },
    invoke: { p50: 0.008, p99: 0.03 },
    recordCall: { p50: 0.004, p99: 0.015 },
    get: { p50: 0.025, p99: 0.12 },
    // Measured: one text of 12 tokens on one core of an AMD EPYC, shared with other work.
    compute: { p50: 0.005, p99: 0.019 },
    // Assumed of a small file, and of its decoding and preparing.
    read: { p50: 0.0005, p99: 0.003 },
    decode: { p50: 0.002, p99: 0.008 },
    // Measured on the real service: calls that wait for one another.
    recordCalls: {
      before: units.classify.roundsBefore,
      after: units.classify.rounds - units.classify.roundsBefore,
    },
    // Deployed: 256 tenants' credentials, an hour each. Assumed: what AssumeRole takes.
    credentials: { call: { p50: 0.04, p99: 0.15 }, room: 256, keptSeconds: 3600 },
    memoryPrompts: CACHE_BYTES.memory / PROMPT_BYTES.prepared,
    diskPrompts: CACHE_BYTES.disk / PROMPT_BYTES.file,
    keptSeconds: 3600,
  };
}

export function tuning(tenants: number, seed: number): TuningSettings {
  return {
    seed,
    jobsPerDay: (tenants * TENANT.jobs) / DAYS,
    dayShape: DAY_SHAPE,
    days: tenants > 10_000 ? 3 : 30,
    // Deployed: 64 vCPUs, four a machine, none while no job waits.
    machines: { least: 0, most: MACHINES },
    // Assumed: what Batch and a GPU machine take to start, and how long Batch leaves one idle.
    bootSeconds: 240,
    idleSeconds: 300,
    // Measured on two cores: 50 s for 560 rows; more rows take longer.
    jobSeconds: { p50: 60, p99: 1200 },
    interruptions: { perHour: 0.05, lostSeconds: 10 },
  };
}

/** At most, as deployed. */
export const MACHINES = 16;

/** Spare capacity's share of the price on demand. Assumed: it moves. */
export const SPOT_SHARE = 0.45;

/** A job's states: what each function takes, in seconds (assumed), and the transitions of an execution that goes well. */
export const STATES = { validate: 1, evaluate: 8, publish: 1, notify: 1, transitions: 7 };

/** Assumed: lines and metrics of `api` and `infer`, Lambda's own included; traces are one in twenty (X-Ray's default). */
export const WATCH = { logBytesPerRequest: 2_500, tracedShare: 0.05, metrics: 15 };

/** Said: connections to KMS are saved by bucket keys; how many aren't is unknown here, so every GET counts one. */
export const KEY_CALLS_PER_GET = 1;

/** Said of Batch's progress: every 1.8 s; every fifth with its checkpoint. */
export const PROGRESS_SECONDS = 1.8;

/** Assumed: a page of a list, from the table or the bucket; measured: a note of whom to sweep. */
export const LIST_SECONDS = 0.02;
export const NOTE_BYTES = 150;

/** AWS's limits that are met first, a second: AssumeRole as known to the author, one key's reads of the table as said. */
export const LIMITS = { assumes: 600, partitionReads: 3000, sweepSeconds: 900 };

export const DAYS = 30.4;
export const HOURS = 730;

function around1(shape: readonly number[]): number[] {
  const mean = shape.reduce((sum, each) => sum + each) / shape.length;
  return shape.map((each) => each / mean);
}
