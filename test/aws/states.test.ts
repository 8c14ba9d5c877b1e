import os from "node:os";
import type { TenantId } from "@kilotune/contract";
import {
  createJob,
  getBatch,
  getJob,
  type Inference,
  type Job,
  pauseJob,
  resumeJob,
} from "@kilotune/service";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { batchHandler } from "../../packages/aws/src/batch.ts";
import { readFailure } from "../../packages/aws/src/failure.ts";
import { type StateName, stateHandler } from "../../packages/aws/src/states.ts";
import { echo, manyLines, newBatch } from "../../packages/service/src/batch.fixtures.ts";
import { upload, world } from "../../packages/service/src/service.fixtures.ts";
import type { TestService } from "../../packages/service/src/testing.ts";

/** The handlers of states and batches over a store in memory: what the journey on the emulator can't bring about. */

let service: TestService;
let tenant: TenantId;
let written: string;
beforeEach(async () => {
  ({ service, tenant } = await world());
  written = "";
  const keep = (chunk: unknown) => {
    written += String(chunk);
    return true;
  };
  vi.spyOn(process.stdout, "write").mockImplementation(keep);
  vi.spyOn(process.stderr, "write").mockImplementation(keep);
  return () => vi.restoreAllMocks();
});

async function newJob(): Promise<Job> {
  const { id } = await upload(service, tenant);
  return createJob(service, tenant, { model: "minilm-l6", trainingFile: id, method: { type: "kv" } });
}

const state = (name: StateName, input: object) =>
  stateHandler(name, { service, scratch: os.tmpdir() })(input);

/** The name and the words that Step Functions would be told. */
async function thrown(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
  return "nothing";
}

describe("a job's states", () => {
  it("go on: what comes next follows, and nothing is kept of an earlier try's failure", async () => {
    const { id: job } = await newJob();
    await service.blobs.put(
      tenant,
      `jobs/${job}/failure.json`,
      Buffer.from('{"name":"TryAgain","message":"{}"}'),
    );
    expect(await state("Validate", { tenant, job })).toEqual({
      backbone: "minilm-l6",
      trials: [],
    });
    expect((await getJob(service, tenant, job)).status).toBe("queued");
    expect(await readFailure(service, { tenant, job })).toBeUndefined();
  });

  it("fail by name, and leave their words with the tenant", async () => {
    const { id: job, trainingFile } = await newJob();
    await service.blobs.put(tenant, `files/${trainingFile}`, Buffer.from("hush"));
    expect(await thrown(state("Validate", { tenant, job }))).toBe("JobFailed: the job's failure says more");
    expect((await readFailure(service, { tenant, job }))?.Cause).toContain("train.jsonl: line 1");
    await state("Fail", { tenant, job, failure: { Error: "JobFailed", Cause: '{"errorMessage":"x"}' } });
    const { error } = await getJob(service, tenant, job);
    expect(error).toMatchObject({ code: "invalid_training_file", param: "training_file" });
    expect(written).not.toMatch(/hush|train\.jsonl/);
  });

  it("fail by name even where the words can't be kept", async () => {
    const { id: job, trainingFile } = await newJob();
    await service.blobs.put(tenant, `files/${trainingFile}`, Buffer.from("hush"));
    service.gate = (what) =>
      what.includes("failure.json") ? Promise.reject(new Error("S3 is down")) : undefined;
    expect(await thrown(state("Validate", { tenant, job }))).toBe("JobFailed: the job's failure says more");
    service.gate = () => undefined;
    await state("Fail", {
      tenant,
      job,
      failure: { Error: "JobFailed", Cause: "the job's failure says more" },
    });
    expect((await getJob(service, tenant, job)).error?.code).toBe("internal_error");
  });

  it("time out as Step Functions says, whatever an earlier try had to say", async () => {
    const { id: job } = await newJob();
    await service.blobs.put(
      tenant,
      `jobs/${job}/failure.json`,
      Buffer.from('{"name":"TryAgain","message":"{}"}'),
    );
    await state("Fail", { tenant, job, failure: { Error: "States.Timeout", Cause: "" } });
    expect((await getJob(service, tenant, job)).error?.code).toBe("timeout");
  });

  it("of an execution that is only to end: the last alone, which starts a job that was resumed meanwhile", async () => {
    const { id: job } = await newJob();
    const stop = { tenant, job, stop: true };
    expect(await thrown(state("Validate", stop))).toBe("JobStopped: the job was told to stop");
    service.started.length = 0;
    await pauseJob(service, tenant, job);
    await state("Notify", stop);
    expect(service.started).toEqual([]);

    await resumeJob(service, tenant, job);
    service.started.length = 0;
    await state("Notify", stop);
    expect(service.started).toEqual([job]);
    // One that went its way isn't started by its own end.
    await state("Notify", { tenant, job });
    expect(service.started).toEqual([job]);
  });

  it("refuse what is no execution", async () => {
    for (const input of [
      null,
      {},
      { tenant, job: "ftjob-x" },
      { tenant: "tn-../x", job: (await newJob()).id },
    ])
      expect(await thrown(state("Validate", input as object))).toBe(
        "Error: an execution begins with {tenant, job}",
      );
  });
});

describe("a batch", () => {
  const share = (batch: string, leftMs: () => number, inference: Inference = echo) =>
    batchHandler({ service, inference })({ tenant, batch }, { getRemainingTimeInMillis: leftMs });

  it("is done in one share where there is time", async () => {
    const { id } = await newBatch(service, tenant, manyLines(250));
    expect(await share(id, () => 900_000)).toEqual({ done: true });
    expect(await getBatch(service, tenant, id)).toMatchObject({
      status: "completed",
      counts: { completed: 250 },
    });
    expect(await share(id, () => 900_000)).toEqual({ done: true });
  });

  it("goes a step further with each share, however little time there is", async () => {
    const { id } = await newBatch(service, tenant, manyLines(250));
    let shares = 1;
    while (!(await share(id, () => 30_000)).done) shares++;
    expect(shares).toBeGreaterThan(4);
    expect(shares).toBeLessThan(12);
    expect((await getBatch(service, tenant, id)).counts).toEqual({ total: 250, completed: 250, failed: 0 });
  });

  it("is cut off in time where the model doesn't answer, and goes on", async () => {
    const { id } = await newBatch(service, tenant, manyLines(4));
    const silent: Inference = {
      ...echo,
      embed: ({ signal }) =>
        new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    };
    // The lines are counted; then they are asked, and the time is up.
    expect(await share(id, () => 30_000, silent)).toEqual({ done: false });
    expect(await share(id, () => 10_050, silent)).toEqual({ done: false });
    expect((await getBatch(service, tenant, id)).counts).toEqual({ total: 4, completed: 0, failed: 0 });
    expect(await share(id, () => 900_000)).toEqual({ done: true });
  });

  it("is tried again, without a word of why, where the store fails", async () => {
    const { id } = await newBatch(service, tenant, manyLines(3));
    service.gate = (what) => (what.startsWith("write") ? Promise.reject(new Error("hush")) : undefined);
    expect(await thrown(share(id, () => 900_000))).toBe("TryAgain: the batch goes on later");
    service.gate = () => undefined;
    expect(await share(id, () => 900_000)).toEqual({ done: true });
    expect(written).not.toContain("hush");
  });
});
