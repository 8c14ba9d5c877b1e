import { readFile } from "node:fs/promises";
import type { TinyBackbone } from "@kilotune/backbone/testing";
import {
  cancelJob,
  getJob,
  type Job,
  listJobEvents,
  openFile,
  openPrompt,
  pauseJob,
  resumeJob,
} from "@kilotune/service";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import type { TrialTask } from "../process/tasks.ts";
import { runSweep } from "../sweep.ts";
import { openTiny, toyJob, toyRows } from "../testing.ts";
import { WorkerDied } from "./state-error.ts";
import { gathered, here, jsonl, openTestJobs, type TestJobs } from "./testing.ts";

/** Jobs that try candidates first: states, store and tuning are real, the machines are one process. */

let tiny: TinyBackbone;
let jobs: TestJobs;
beforeAll(async () => {
  tiny = await openTiny();
});
afterAll(() => tiny[Symbol.asyncDispose]());
beforeEach(async () => {
  jobs = await openTestJobs(tiny);
});
afterEach(() => jobs[Symbol.asyncDispose]());

// The first throws away what the class means knew; the last two learn.
const CANDIDATES = [
  { promptLearningRate: 10, headLearningRate: 10 },
  { tokens: 3, firstLayer: 1, promptLearningRate: 1e-2 },
  { promptLearningRate: 2e-2 },
];
const newJob = () => jobs.newJob({ method: { type: "kv", tokens: 2, epochs: 3 }, sweep: CANDIDATES });
const now = (job: Job) => getJob(jobs.service, jobs.tenant, job.id);

/** What the command line's sweep publishes, and how it ranks. */
async function sweptHere(folds?: number) {
  const { test: _, validation, ...job } = toyJob(tiny, jobs.folder, { epochs: 3 });
  const heldOut = folds === undefined ? validation && { validation } : { folds };
  const { report } = await runSweep({
    job: { ...job, ...heldOut },
    candidates: CANDIDATES,
    halving: false,
  });
  return { bytes: await readFile(job.out), ranking: report.sweep };
}

async function published(job: Job) {
  const { promptId, resultFiles } = await now(job);
  const { service, tenant } = jobs;
  const prompt = await openPrompt(service, tenant, promptId ?? "");
  const [page, report] = await Promise.all(
    resultFiles.slice(1).map(async (id) => gathered((await openFile(service, tenant, id)).chunks)),
  );
  return {
    bytes: await gathered(prompt.chunks),
    report: JSON.parse(String(report)),
    page: String(page),
  };
}

/** Runs the candidates' work otherwise. */
function whileMeasuring(
  measure: (
    task: TrialTask,
    work: () => ReturnType<typeof whole.measure>,
  ) => ReturnType<typeof whole.measure>,
) {
  jobs.compute = { ...whole, measure: (task, hooks) => measure(task, () => whole.measure(task, hooks)) };
}
let whole: ReturnType<typeof here>;
beforeEach(() => {
  whole = here(tiny);
});

it("tunes with the candidate that is best on held-out rows, as the command line's sweep does", async () => {
  const job = await newJob();
  await jobs.run(job.id);
  expect(await now(job)).toMatchObject({ status: "succeeded", error: null, sweep: CANDIDATES });
  const { bytes, ranking } = await sweptHere();
  const made = await published(job);
  expect(made.bytes.equals(bytes)).toBe(true);
  expect(made.report.sweep).toEqual(ranking);
  expect(ranking?.at(-1)?.settings).toEqual(CANDIDATES[0]);
  expect(made.page).toContain("Candidates of the sweep");
  expect((await jobs.blobs()).filter((blob) => blob.startsWith("jobs/"))).toEqual([]);
  expect(jobs.logged).toEqual([]);
});

it("in folds: candidates are measured on each, the model learns from all rows, a dead candidate goes on", async () => {
  const method = { type: "kv", tokens: 2, epochs: 3 } as const;
  const job = await jobs.newJob({ method, sweep: CANDIDATES, folds: 3, validation: false });
  let deaths = 0;
  whileMeasuring(async (task, work) => {
    const result = await work();
    // At the end of its third fold: what it has learnt is in its checkpoints.
    if (++deaths === 1) throw new WorkerDied("SIGKILL");
    expect(task.folds).toBe(3);
    return result;
  });
  await jobs.run(job.id);
  expect(await now(job)).toMatchObject({ status: "succeeded", error: null, folds: 3 });
  expect(deaths).toBe(CANDIDATES.length + 1);
  const { bytes, ranking } = await sweptHere(3);
  const made = await published(job);
  expect(made.report.sweep).toEqual(ranking);
  expect(made.bytes.equals(bytes)).toBe(true);
  // Folds that have chosen a candidate say nothing new of it.
  expect(made.report).not.toHaveProperty("crossValidation");
  expect((await jobs.blobs()).filter((blob) => blob.startsWith("jobs/"))).toEqual([]);
});

it("in more folds than there are rows to hold out fails with words for the tenant", async () => {
  const train = jsonl(toyRows(3, 1));
  const job = await jobs.newJob({ train, sweep: CANDIDATES, folds: 20, validation: false });
  await jobs.run(job.id);
  expect(await now(job)).toMatchObject({ status: "failed", error: { code: "too_few_groups" } });
  expect((await jobs.blobs()).filter((blob) => blob.startsWith("jobs/"))).toEqual([]);
});

it("tells what each came to, and meters each", async () => {
  const job = await newJob();
  await jobs.run(job.id);
  const query = { order: "asc", limit: 100 } as const;
  const told = (await listJobEvents(jobs.service, jobs.tenant, job.id, query)).data;
  const words = told.map(({ message }) => message).join("\n");
  for (const part of [
    /Candidate 1 of 3 \(promptLearningRate 10, headLearningRate 10\): [01]\.\d{4} on held-out rows\./,
    /Candidate 2 of 3 \(tokens 3, firstLayer 1, promptLearningRate 0.01\): Running the frozen layers/,
    /Candidate 3 of 3 \(promptLearningRate 0.02\): Tuning: 100 %/,
  ])
    expect(words).toMatch(part);
  // Their losses aren't the job's.
  const steps = told.filter(({ data }) => "train_loss" in data).map(({ message }) => message);
  expect(steps.join()).not.toContain("Candidate");
  expect((await now(job)).tuningSeconds).toBeGreaterThan(0);
});

it("that is paused while it tries goes on with what is left, to the identical bytes", async () => {
  const job = await newJob();
  const { bytes } = await sweptHere();
  const measured: unknown[] = [];
  whileMeasuring(async ({ candidate }, work) => {
    const result = await work();
    measured.push(candidate);
    if (measured.length === 2) await pauseJob(jobs.service, jobs.tenant, job.id);
    return result;
  });
  await jobs.run(job.id);
  expect(await now(job)).toMatchObject({ status: "paused" });
  const tried = measured.length;
  await resumeJob(jobs.service, jobs.tenant, job.id);
  await jobs.run(job.id);
  expect(await now(job)).toMatchObject({ status: "succeeded" });
  expect(tried).toBeGreaterThanOrEqual(2);
  expect(new Set(measured).size).toBe(measured.length);
  expect((await published(job)).bytes.equals(bytes)).toBe(true);
});

it("that is cancelled while it tries leaves nothing", async () => {
  const job = await newJob();
  whileMeasuring(async (_, work) => {
    await cancelJob(jobs.service, jobs.tenant, job.id);
    return work();
  });
  await jobs.run(job.id);
  expect(await now(job)).toMatchObject({ status: "cancelled", tunedModel: null });
  expect((await jobs.blobs()).filter((blob) => blob.startsWith("jobs/"))).toEqual([]);
});

it("goes on where a candidate's process died", async () => {
  const job = await newJob();
  let deaths = 0;
  whileMeasuring((_, work) => (++deaths === 1 ? Promise.reject(new WorkerDied("SIGKILL")) : work()));
  await jobs.run(job.id);
  expect(await now(job)).toMatchObject({ status: "succeeded" });
  expect(deaths).toBe(CANDIDATES.length + 1);
});
