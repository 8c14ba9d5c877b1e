import type { JobId, TenantId } from "@kilotune/contract";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { getJob } from "./jobs.ts";
import { hasEnded, type JobStatus, mayBecome } from "./job.ts";
import { CLAIMS, FILES, JOBS, type JobRecord, MODELS, OUTBOX, PROMPTS } from "./kinds.ts";
import { readQuota } from "./quota.ts";
import { resolveModel } from "./resolve.ts";
import { beginJob, beginTrial, finishJob, queueJob, reportProgress } from "./run-job.ts";
import { FAILURE, ROWS, startedJob, success, world } from "./service.fixtures.ts";
import { cancelJob, pauseJob, resumeJob } from "./steer-job.ts";
import type { TestService } from "./testing.ts";
import { getUsage } from "./usage.ts";
import { setWebhook } from "./webhooks.ts";

type Step = (service: TestService, tenant: TenantId, id: JobId) => Promise<unknown>;

const STEPS: Readonly<Record<string, Step>> = {
  queue: queueJob,
  begin: beginJob,
  progress: (service, tenant, id) =>
    reportProgress(service, tenant, id, { message: "epoch", metrics: { step: 1 } }),
  succeed: (service, tenant, id) => finishJob(service, tenant, id, success("prompt")),
  fail: (service, tenant, id) => finishJob(service, tenant, id, FAILURE),
  cancel: cancelJob,
  pause: pauseJob,
  resume: resumeJob,
};

const step = fc.constantFrom(...Object.keys(STEPS));

describe("a job under calls that come at once, in any order (SamSaffron/term-llm#790, awslabs/genai-idp-terraform#197)", () => {
  it("ends once, and everything agrees with its end", async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.array(step, { maxLength: 8 }), async (scheduler, names) => {
        const { service, tenant } = await world();
        await setWebhook(service, tenant, "https://example.com/hook");
        const { id } = await startedJob(service, tenant);
        const seen = watchStatus(service, tenant, id);
        service.gate = () => {
          service.nowMs += 10;
          return scheduler.schedule(Promise.resolve());
        };
        const calls = names.map((name) => STEPS[name]?.(service, tenant, id).catch((error) => error.code));
        const answers = await scheduler.waitFor(Promise.all(calls));
        service.gate = () => undefined;
        const codes = answers.filter((answer) => typeof answer === "string");
        // A worker that hears `busy` tries again: the same bytes were being stored or given up.
        if (codes.includes("busy")) await finishJob(service, tenant, id, success("prompt"));
        expect(codes.filter((code) => code !== "job_ended" && code !== "busy")).toEqual([]);
        expectLegal(seen);
        await expectAgreement(service, tenant, id);
      }),
      { numRuns: 1000 },
    );
  });

  it("stays as it ended, whatever comes late", async () => {
    const ends = fc.constantFrom("succeed", "fail", "cancel");
    await fc.assert(
      fc.asyncProperty(ends, fc.array(step, { maxLength: 6 }), async (end, late) => {
        const { service, tenant } = await world();
        const { id } = await startedJob(service, tenant);
        await STEPS[end]?.(service, tenant, id);
        const before = await getJob(service, tenant, id);
        service.nowMs += 60_000;
        for (const name of late) await STEPS[name]?.(service, tenant, id).catch(() => {});
        expect(await getJob(service, tenant, id)).toEqual(before);
        await expectAgreement(service, tenant, id);
      }),
      { numRuns: 100 },
    );
  });

  it("publishes whole or not at all where the process dies at any step of its end", async () => {
    for (let steps = 0; steps < 40; steps++) {
      const { service, tenant } = await world();
      const { id } = await startedJob(service, tenant);
      let left = steps;
      service.gate = () => {
        if (left-- <= 0) throw new Error("killed");
        return undefined;
      };
      await finishJob(service, tenant, id, success("prompt")).catch(() => {});
      service.gate = () => undefined;
      const { status } = await getJob(service, tenant, id);
      if (status === "succeeded") await expectAgreement(service, tenant, id);
      service.nowMs += 61_000; // the dead process's claim is left to it for so long
      const again = await finishJob(service, tenant, id, success("prompt"));
      expect(again.status).toBe("succeeded");
      await expectAgreement(service, tenant, id);
    }
  });
});

it("a job is metered while it works: not while paused, not while the server was down", async () => {
  const { service, tenant } = await world();
  const { id } = await startedJob(service, tenant);
  service.nowMs += 2_000;
  await reportProgress(service, tenant, id, { message: "1" });
  service.nowMs += 500;
  await pauseJob(service, tenant, id);
  service.nowMs += 100_000;
  await resumeJob(service, tenant, id);
  await beginJob(service, tenant, id);
  service.nowMs += 1_000;
  await reportProgress(service, tenant, id, { message: "2" });
  service.nowMs += 50_000; // killed here
  await beginJob(service, tenant, id);
  service.nowMs -= 10_000; // a clock set back
  await reportProgress(service, tenant, id, { message: "3", secondsLeft: 7.2 });
  expect((await getJob(service, tenant, id)).estimatedFinishAt).toBe(Math.floor(service.nowMs / 1000) + 8);
  service.nowMs += 1_500;
  const job = await finishJob(service, tenant, id, success("prompt"));
  expect(job).toMatchObject({ tuningSeconds: 5, trainedTokens: 12, estimatedFinishAt: null });
  expect((await getUsage(service, tenant)).data).toEqual([
    { day: "2026-11-25", model: "minilm-l6", requests: 0, tokens: 0, images: 0, tuningSeconds: 5 },
  ]);
});

it("candidates that are tried at once meter themselves, and neither a pause nor a restart adds to it", async () => {
  const { service, tenant } = await world();
  const { id } = await startedJob(service, tenant);
  await beginTrial(service, tenant, id);
  service.nowMs += 3_000;
  await beginTrial(service, tenant, id);
  await reportProgress(service, tenant, id, { message: "one", spentMs: 3_000 });
  await reportProgress(service, tenant, id, { message: "two", spentMs: 2_500 });
  service.nowMs += 1_000;
  await pauseJob(service, tenant, id);
  await resumeJob(service, tenant, id);
  await beginTrial(service, tenant, id);
  await beginJob(service, tenant, id);
  service.nowMs += 500;
  const job = await finishJob(service, tenant, id, success("prompt"));
  expect(job.tuningSeconds).toBe(6);
});

/** Every status that was ever stored, in order. */
function watchStatus(service: TestService, tenant: TenantId, id: JobId): JobStatus[] {
  const seen: JobStatus[] = ["running"];
  const { write } = service.records;
  Object.assign(service.records, {
    async write(...args: Parameters<typeof write>) {
      await write(...args);
      for (const change of args[1])
        if ("put" in change && change.put.kind === JOBS.kind && args[0] === tenant && change.put.id === id)
          seen.push((change.value as unknown as JobRecord).status);
    },
  });
  return seen;
}

function expectLegal(seen: readonly JobStatus[]): void {
  for (const [at, to] of seen.entries()) {
    const from = seen[at - 1];
    if (from === undefined) continue;
    expect(hasEnded(from)).toBe(false);
    if (from !== to) expect(mayBecome(from, to)).toBe(true);
  }
}

async function expectAgreement(service: TestService, tenant: TenantId, id: JobId): Promise<void> {
  const job = await getJob(service, tenant, id);
  const won = job.status === "succeeded";
  const ended = hasEnded(job.status);
  const { quota } = await readQuota(service, tenant);
  const models = (await MODELS.list(service, tenant)).rows.map(({ id: name }) => name);
  const prompts = (await PROMPTS.list(service, tenant)).rows.map(({ value }) => value.models);
  const blobs: string[] = [];
  for await (const { path } of service.blobs.list(tenant, "prompts/")) blobs.push(path);
  const { bytes, promptId } = success("prompt");
  expect(models).toEqual(won ? [job.tunedModel] : []);
  expect(prompts).toEqual(won ? [1] : []);
  expect(blobs).toEqual(won ? [`prompts/${promptId}.safetensors`] : []);
  expect((await CLAIMS.list(service, tenant)).rows).toEqual([]);
  expect(quota).toMatchObject({
    jobs: ended ? [] : [id],
    prompts: won || !ended ? 1 : 0,
    storedBytes: ROWS.length + (won ? bytes.length : 0),
  });
  expect((await FILES.read(service, tenant, job.trainingFile))?.value.readers).toEqual(ended ? [] : [id]);
  expect(job.finishedAt === null).toBe(!ended);
  const events = (await OUTBOX.list(service, tenant)).rows.length;
  expect(events).toBeLessThanOrEqual(ended ? 1 : 0);
  const sum = (await getUsage(service, tenant)).data.reduce((all, row) => all + row.tuningSeconds, 0);
  if (ended) expect(sum).toBeCloseTo(job.tuningSeconds, 6);
  if (won) expect(await resolveModel(service, tenant, job.tunedModel ?? "", "")).toMatchObject({ promptId });
}
