import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { TenantId } from "@kilotune/contract";
import {
  cancelJob,
  createFile,
  createJob,
  createTenant,
  getJob,
  type Job,
  pauseJob,
  restartJobs,
  resumeJob,
  type Service,
} from "@kilotune/service";
import { type LocalStore, openLocalStore } from "@kilotune/store/local";
import type { TaskHooks } from "@kilotune/worker";
import { afterEach, beforeEach, expect, it } from "vitest";
import { LocalWorkflow } from "./local-workflow.ts";
import { toyFile } from "./testing.ts";

/** Executions over the real states and a store on disk; the work is pretended: it lasts until it is told to stop. */

let folder: string;
let store: LocalStore;
let service: Service;
let workflow: LocalWorkflow;
let tenant: TenantId;
let begun: number;
const faults: unknown[] = [];
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-workflow-"));
  store = await openLocalStore(path.join(folder, "store"));
  begun = 0;
  open();
  ({ id: tenant } = await createTenant(service, { name: "Desk", plan: "business" }));
});
afterEach(async () => {
  await workflow.close();
  await store.close();
  await rm(folder, { recursive: true, force: true });
  expect(faults).toEqual([]);
});

/** As a server does when it starts. */
function open(): void {
  const tune = async (_: unknown, { signal }: TaskHooks): Promise<never> => {
    begun++;
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    throw new Error("stopped");
  };
  workflow = new LocalWorkflow({
    compute: { tune, measure: tune, answer: () => Promise.reject(new Error("nothing comes so far")) },
    scratch: folder,
    jobsAtOnce: 1,
    send: async () => 200,
    log: (error) => faults.push(error),
  });
  service = {
    records: store.records,
    blobs: store.blobs,
    workflow,
    clock: { now: () => new Date() },
    backbones: new Map([["tiny", { id: "tiny", createdAt: 0, layers: 2 }]]),
  };
  workflow.connect(service);
}

async function newJob(seed: number): Promise<Job> {
  const bytes = (async function* () {
    yield Buffer.from(toyFile(3, seed));
  })();
  const { id } = await createFile(service, tenant, { filename: "train.jsonl", purpose: "fine-tune" }, bytes);
  return createJob(service, tenant, { model: "tiny", trainingFile: id, method: { type: "kv" } });
}

const status = async ({ id }: Job) => (await getJob(service, tenant, id)).status;
const soon = <T>(look: () => T | Promise<T>) => expect.poll(look, { timeout: 10_000 });

it("starts an execution once, however often it is told to (known fault 93)", async () => {
  const job = await newJob(1);
  for (let times = 0; times < 3; times++) await workflow.start(tenant, job.id);
  await soon(() => begun).toBe(1);
  await workflow.start(tenant, job.id);
  expect(workflow.stats()).toEqual({ executions: 1, tuning: 1, waiting: 0 });
});

it("goes on with a job that is resumed before it has stopped", async () => {
  const job = await newJob(1);
  await soon(() => begun).toBe(1);
  await pauseJob(service, tenant, job.id);
  await resumeJob(service, tenant, job.id);
  await soon(() => begun).toBe(2);
  expect(await status(job)).toBe("running");
});

it("validates a file at once, though its job waits for its turn", async () => {
  const [first, second] = [await newJob(1), await newJob(2)];
  await soon(() => status(second)).toBe("queued");
  await soon(() => workflow.stats().waiting).toBe(1);
  await cancelJob(service, tenant, first.id);
  await soon(() => status(second)).toBe("running");
});

it("removes what a paused job kept when it is cancelled", async () => {
  const job = await newJob(1);
  await soon(() => begun).toBe(1);
  await pauseJob(service, tenant, job.id);
  await soon(() => workflow.stats().executions).toBe(0);
  await store.blobs.put(tenant, `jobs/${job.id}/checkpoints/final.checkpoint`, Buffer.from("kept"));
  await cancelJob(service, tenant, job.id);
  const kept = async () => {
    for await (const _ of store.blobs.list(tenant, "jobs/")) return true;
    return false;
  };
  await soon(kept).toBe(false);
});

it("leaves jobs that a shutdown stops as they are, for the next start", async () => {
  const [first, second] = [await newJob(1), await newJob(2)];
  const paused = await newJob(3);
  await soon(() => begun).toBe(1);
  await soon(() => status(second)).toBe("queued");
  await pauseJob(service, tenant, paused.id);
  await workflow.close();
  expect(await status(first)).toBe("running");

  open();
  expect(await restartJobs(service)).toBe(2);
  await soon(() => begun).toBe(2);
  expect([await status(first), await status(paused)]).toEqual(["running", "paused"]);
});
