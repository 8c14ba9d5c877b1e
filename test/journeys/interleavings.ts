import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { isCodedError, type JobId, type TenantId } from "@kilotune/contract";
import { type Prng, prng } from "@kilotune/dataset";
import {
  cancelJob,
  createJob,
  deliverEvents,
  getJob,
  getUsage,
  hasEnded,
  pauseJob,
  restartJobs,
  resumeJob,
  setWebhook,
  sweep,
} from "@kilotune/service";
import { type JobStatus, mayBecome } from "../../packages/service/src/job.ts";
import {
  CHECKPOINT_MODELS,
  CLAIMS,
  FILES,
  JOBS,
  type JobRecord,
  MODELS,
  PROMPTS,
} from "../../packages/service/src/kinds.ts";
import { readQuota } from "../../packages/service/src/quota.ts";
import { upload, world } from "../../packages/service/src/service.fixtures.ts";
import type { TestService } from "../../packages/service/src/testing.ts";
import { HostileWorkflow } from "./hostile-workflow.ts";
import { quickCompute } from "./quick-compute.ts";
import { Turns } from "./turns.ts";

export interface Interleavings {
  readonly runs: number;
  /** By final status. */
  readonly ends: Readonly<Record<string, number>>;
  readonly fates: Readonly<Record<string, number>>;
  readonly acts: number;
  /** Calls of the store that were interleaved. */
  readonly steps: number;
  /** What didn't hold, with the seed of its run. */
  readonly faults: readonly string[];
}

/**
 * Jobs, each under a cloud and a tenant at their worst (see `HostileWorkflow`; the tenant cancels, pauses, resumes, and
 * the job is started again at any moment), each checked when all is quiet: it has ended once, nothing was published
 * after its end, and quota, usage, files, blobs and webhooks say the same. The seed fixes what happens; how reads of
 * files fall between is the machine's.
 */
export async function interleave({
  runs,
  seed,
  onRun = () => {},
}: {
  readonly runs: number;
  readonly seed: number;
  readonly onRun?: (run: number) => void;
}): Promise<Interleavings> {
  const scratch = await mkdtemp(path.join(os.tmpdir(), "kilotune-interleavings-"));
  const ends: Record<string, number> = {};
  const fates: Record<string, number> = {};
  const faults: string[] = [];
  let [acts, steps] = [0, 0];
  try {
    for (let run = 0; run < runs; run++) {
      onRun(run);
      const outcome = await oneJob(seed + run, scratch);
      ends[outcome.status] = (ends[outcome.status] ?? 0) + 1;
      for (const [fate, count] of outcome.fates) fates[fate] = (fates[fate] ?? 0) + count;
      acts += outcome.acts;
      steps += outcome.steps;
      faults.push(...outcome.faults.map((fault) => `seed ${seed + run}: ${fault}`));
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return { runs, ends, fates, acts, steps, faults };
}

async function oneJob(seed: number, scratch: string) {
  const random = prng(seed, "interleavings");
  const { service, tenant } = await world();
  const turns = new Turns(random);
  const sent: Sent[] = [];
  const workflow = new HostileWorkflow(turns, random, {
    scratch,
    compute: quickCompute({ between: turns.gate }),
    send: async (_, { headers, body }) => {
      sent.push({ id: String(headers["webhook-id"]), type: JSON.parse(body).type });
      return random.uniform() < 0.7 ? 200 : 500;
    },
  });
  workflow.connect(service);
  await setWebhook(service, tenant, "https://example.com/hook");
  const { id: trainingFile } = await upload(service, tenant);
  const request = {
    model: "minilm-l6",
    method: { type: "kv" },
    trainingFile,
    ...(random.uniform() < 0.3 && { sweep: [{ tokens: 4 }, { tokens: 8 }] }),
  } as const;
  const { id } = await createJob(service, tenant, request);
  Object.assign(service, { workflow });
  const watched = watch(service, tenant, "validating_files");
  service.gate = turns.gate;

  const acts = planOf(random);
  const refused: unknown[] = [];
  turns.onTurn = (count) => {
    service.nowMs += random.integer(50);
    for (const act of acts.get(count) ?? [])
      turns
        .start({ name: act, isDead: false }, () => ACTS[act](service, tenant, id))
        .catch((error) => refused.push(error));
  };
  await workflow.start(tenant, id);
  await turns.drain();
  // Quiet: whoever was lost is looked after, and the tenant goes on with what is paused, or gives it up.
  workflow.isCalm = true;
  turns.onTurn = () => {
    service.nowMs += 50;
  };
  const status = () => watched.status;
  for (let round = 0; !hasEnded(status()); round++) {
    if (round === 5) throw new Error(`seed ${seed}: the job doesn't end`);
    service.nowMs += 120_000; // Leases of the dead are over.
    const next = status() !== "paused" ? "start all again" : random.uniform() < 0.5 ? "resume" : "cancel";
    const calling = turns.start({ name: "after", isDead: false }, () => ACTS[next](service, tenant, id));
    await turns.drain();
    await calling;
  }
  turns.end();
  const job = await getJob(service, tenant, id);
  for (let round = 0; round < 3; round++) {
    service.nowMs += 8 * 3_600_000;
    await deliverEvents(service, async (_, { headers, body }) => {
      sent.push({ id: String(headers["webhook-id"]), type: JSON.parse(body).type });
      return 200;
    });
    await sweep(service);
  }
  const faults = [
    ...watched.faults,
    ...refused.filter((error) => !isExpected(error)).map((error) => `a call failed with ${String(error)}`),
    ...(await disagreements(service, tenant, id, sent)),
  ];
  const count = [...acts.values()].flat().length;
  return { status: job.status, fates: workflow.fates, acts: count, steps: turns.count, faults };
}

interface Sent {
  readonly id: string;
  readonly type: string;
}

const ACTS: Readonly<Record<Act, (service: TestService, tenant: TenantId, id: JobId) => Promise<unknown>>> = {
  cancel: cancelJob,
  pause: pauseJob,
  resume: resumeJob,
  "start again": (service, tenant, id) => service.workflow.start(tenant, id),
  "start all again": restartJobs,
};

type Act = "cancel" | "pause" | "resume" | "start again" | "start all again";

/** What the tenant and the operator do, by the step before which they do it. Some two in five jobs are cancelled. */
function planOf(random: Prng): Map<number, Act[]> {
  const others: readonly Act[] = ["pause", "resume", "start again", "start all again"];
  const acts = Array.from({ length: random.integer(5) }, () => others[random.integer(4)] as Act);
  if (random.uniform() < 0.4) acts.push("cancel");
  const plan = new Map<number, Act[]>();
  for (const act of acts) {
    const step = random.integer(LONG_STEPS);
    plan.set(step, [...(plan.get(step) ?? []), act]);
  }
  return plan;
}

/** About as many as a job has that nothing happens to. */
const LONG_STEPS = 150;

/** The tenant was told: the job has ended, or something is in hand this moment. */
function isExpected(error: unknown): boolean {
  return isCodedError(error) && ["job_ended", "busy"].includes(error.code);
}

/** Looks at every write: a job's statuses follow one another as they may, and nothing new comes after its end. */
function watch(service: TestService, tenant: TenantId, status: JobStatus) {
  const watched = { faults: [] as string[], status };
  const { write } = service.records;
  Object.assign(service.records, {
    async write(...args: Parameters<typeof write>) {
      await write(...args);
      if (args[0] !== tenant) return;
      const { faults, status } = watched;
      const ended = hasEnded(status);
      for (const change of args[1]) {
        if (!("put" in change)) continue;
        const { kind, id } = change.put;
        if (kind === JOBS.kind) {
          const next = (change.value as unknown as JobRecord).status;
          if (ended) faults.push(`the job was written as ${next} after it had been ${status}`);
          else if (next !== status && !mayBecome(status, next)) faults.push(`from ${status} to ${next}`);
          watched.status = next;
        } else if (ended && (PUBLISHED.has(kind) || (kind === FILES.kind && change.expect === "absent")))
          faults.push(`${kind} ${id} was published after the job had been ${status}`);
      }
    },
  });
  return watched;
}

const PUBLISHED = new Set([MODELS.kind, CHECKPOINT_MODELS.kind, PROMPTS.kind]);

/** Whatever doesn't agree with the job's end. */
async function disagreements(service: TestService, tenant: TenantId, id: JobId, sent: readonly Sent[]) {
  const faults: string[] = [];
  const expect = (what: string, seen: unknown, wanted: unknown) => {
    const [a, b] = [JSON.stringify(seen), JSON.stringify(wanted)];
    if (a !== b) faults.push(`${what}: expected ${b}, saw ${a}`);
  };
  const job = await getJob(service, tenant, id);
  const won = job.status === "succeeded";
  const { quota } = await readQuota(service, tenant);
  const models = (await MODELS.list(service, tenant)).rows.map(({ value }) => value);
  const prompts = (await PROMPTS.list(service, tenant)).rows.map(({ value }) => value);
  const files = (await FILES.list(service, tenant)).rows.map(({ value }) => value);
  const stored: string[] = [];
  for await (const { path: name } of service.blobs.list(tenant, "")) stored.push(name);
  const checkpoints = (await CHECKPOINT_MODELS.list(service, tenant)).rows.length;
  expect(
    "models",
    models.map(({ name }) => name),
    won ? [job.tunedModel] : [],
  );
  expect(
    "models of prompts",
    prompts.reduce((sum, prompt) => sum + prompt.models, 0),
    models.length + checkpoints,
  );
  const owned = [
    ...files.map((file) => `files/${file.id}`),
    ...prompts.map((prompt) => `prompts/${prompt.id}.safetensors`),
  ];
  expect("blobs", stored.sort(), owned.sort());
  expect("claims", (await CLAIMS.list(service, tenant)).rows, []);
  const bytes = [...files.map((file) => file.bytes), ...prompts.map((prompt) => prompt.sizeBytes)];
  expect("quota", [quota.jobs, quota.prompts, quota.storedBytes], [[], won ? 1 : 0, bytes.reduce(add, 0)]);
  const used = (await getUsage(service, tenant)).data.map(({ tuningSeconds }) => tuningSeconds);
  expect("metered time", Math.round(1000 * used.reduce(add, 0)), Math.round(1000 * job.tuningSeconds));
  expect(
    "readers of files",
    files.flatMap(({ readers }) => readers),
    [],
  );
  expect("result files", job.resultFiles.length, won ? 3 : 0);
  expect("results left", files.filter(({ purpose }) => purpose === "fine-tune-results").length, won ? 3 : 0);
  expect(
    "events told",
    [...new Set(sent.map((event) => `${event.type}`))],
    [`fine_tuning.job.${job.status}`],
  );
  expect("events", new Set(sent.map((event) => event.id)).size, 1);
  return faults;
}

const add = (a: number, b: number) => a + b;
