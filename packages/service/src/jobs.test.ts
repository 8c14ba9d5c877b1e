import { createHash } from "node:crypto";
import { type JobId, METHODS_OF } from "@kilotune/contract";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { listAudit } from "./audit.ts";
import type { Backbone } from "./context.ts";
import { createFile } from "./create-file.ts";
import { createJob } from "./create-job.ts";
import { deleteFile, getFile } from "./files.ts";
import type { Job } from "./job.ts";
import { addJobEvent, listJobEvents } from "./job-events.ts";
import type { JobRequest } from "./job-request.ts";
import { getJob, listJobs } from "./jobs.ts";
import { readQuota } from "./quota.ts";
import { beginJob, finishJob, reportProgress } from "./run-job.ts";
import { bytesOf, FAILURE, ROWS, startedJob, success, upload, world } from "./service.fixtures.ts";
import { cancelJob, pauseJob, restartJobs, resumeJob } from "./steer-job.ts";
import { updateTenant } from "./tenants.ts";

const request = (trainingFile: string, more: Partial<JobRequest> = {}): JobRequest => ({
  model: "minilm-l6",
  method: { type: "kv" },
  trainingFile,
  ...more,
});

describe("a job", () => {
  it("is made with what was asked for, started once, and told of", async () => {
    const { service, tenant } = await world();
    const { id: file } = await upload(service, tenant);
    const method = { type: "kv", epochs: 3, tokens: 8, firstLayer: 2 } as const;
    const job = await createJob(
      service,
      tenant,
      request(file, { method, suffix: "Desk.1", seed: 7, folds: 5, metadata: { a: "b" } }),
    );
    expect(job).toMatchObject({
      status: "validating_files",
      task: "classification",
      trainingFile: file,
      validationFile: null,
      method,
      seed: 7,
      folds: 5,
      metadata: { a: "b" },
      tunedModel: null,
      tuningSeconds: 0,
    });
    expect(Object.keys(job)).not.toContain("reservedModel");
    expect(service.started).toEqual([job.id]);
    const { data } = await listJobEvents(service, tenant, job.id);
    expect(data.map(({ message }) => message)).toEqual([`Created the fine-tuning job ${job.id}.`]);
  });

  it("has the method that suits what its model reads, where none is asked for", async () => {
    const { service, tenant } = await world();
    const tasks = ["classification", "segmentation", "detection"] as const;
    const vit = { id: "vit", createdAt: 0, layers: 12, input: "image", tasks } as const;
    const yolo: Backbone = { ...vit, id: "yolo", layers: 1, methods: METHODS_OF.graph };
    const backbones = new Map(service.backbones).set("vit", vit).set("yolo", yolo);
    const all = { ...service, backbones };
    for (const [model, type] of [
      ["minilm-l6", "kv"],
      ["vit", "lora"],
      ["yolo", "channels"],
    ] as const) {
      const { id: file } = await upload(service, tenant, `{"text":"${model}","label":"a"}\n${ROWS}`);
      const job = await createJob(all, tenant, request(file, { model, method: {} }));
      expect(job.method.type).toBe(type);
    }
    for (const [model, type, allowed] of [
      ["minilm-l6", "channels", "classification (kv, soft, deep, lora, bias, head)"],
      ["vit", "channels", "classification (lora, kv, deep, soft, head)"],
      ["yolo", "lora", "classification (channels, border, head)"],
    ] as const)
      await expect(
        createJob(all, tenant, request("none", { model, method: { type } })),
      ).rejects.toMatchObject({
        code: "invalid_value",
        message: `method.type: expected what ${model} can be tuned by for ${allowed}, saw ${type}.`,
      });
  });

  it("starts its prompt only from words that its task has, and none of images", async () => {
    const { service, tenant } = await world();
    const tasks = ["classification", "tagging", "regression", "segmentation", "detection"] as const;
    const texts = { id: "texts", createdAt: 0, layers: 6, tasks: tasks.slice(0, 3) };
    const vit = {
      id: "vit",
      createdAt: 0,
      layers: 12,
      input: "image",
      tasks: [tasks[0], ...tasks.slice(3)],
    } as const;
    const all = {
      ...service,
      backbones: new Map<string, Backbone>([
        ["texts", texts],
        ["vit", vit],
      ]),
    };
    const asked = (more: Partial<JobRequest>) => createJob(all, tenant, request("none", more));
    for (const [model, task, init] of [
      ["texts", "regression", "labels"],
      ["texts", "tagging", "examples"],
      ["vit", "classification", "labels"],
    ] as const)
      await expect(asked({ model, task, method: { type: "kv", init } })).rejects.toMatchObject({
        code: "invalid_value",
        param: "init",
      });
    // Another model's head goes on where it was learnt step by step.
    const model = "ft:vit:nobody::none";
    for (const [task, type, code] of [
      ["classification", "head", "invalid_value"],
      ["detection", "head", "model_not_found"],
      ["classification", "lora", "model_not_found"],
      ["classification", "deep", "model_not_found"],
    ] as const)
      await expect(asked({ model: "vit", task, method: { type, init: { model } } })).rejects.toMatchObject({
        code,
        param: "init",
      });
    // Such a start there is: what is missing is the file.
    await expect(
      asked({ model: "texts", task: "tagging", method: { init: "labels" } }),
    ).rejects.toMatchObject({ code: "not_found", param: "training_file" });
  });

  it("is refused with the field that is to blame", async () => {
    const { service, tenant } = await world();
    const { id: file } = await upload(service, tenant);
    const foreign = await world();
    const theirs = await upload(foreign.service, foreign.tenant);
    const { id: other } = await upload(
      service,
      tenant,
      `{"text": "gone", "label": "a"}\n{"text": "here", "label": "b"}\n`,
    );
    const batch = await createFile(service, tenant, { filename: "b", purpose: "user_data" }, bytesOf("x"));
    const cases: [Partial<JobRequest>, string, string][] = [
      [{ model: "gpt-4" }, "model_not_found", "model"],
      [{ model: "__proto__" }, "model_not_found", "model"],
      [{ task: "detection" }, "invalid_value", "task"],
      [{ tiles: true }, "invalid_value", "tiles"],
      [{ trainingFile: theirs.id }, "not_found", "training_file"],
      [{ validationFile: "../x" }, "not_found", "validation_file"],
      [{ validationFile: file }, "invalid_value", "validation_file"],
      [{ trainingFile: batch.id }, "invalid_value", "training_file"],
      [{ suffix: "a:b" }, "invalid_value", "suffix"],
      [{ seed: -1 }, "invalid_value", "seed"],
      [{ folds: 1 }, "invalid_value", "folds"],
      [{ folds: 21 }, "invalid_value", "folds"],
      [{ folds: 2, sweep: [{}, { tokens: 4 }], validationFile: other }, "invalid_value", "folds"],
      [{ method: { type: "head", tokens: 4 } }, "invalid_value", "tokens"],
      [{ method: { type: "bias", tokens: 4 } }, "invalid_value", "tokens"],
      [{ method: { type: "bias", init: "labels" } }, "invalid_value", "init"],
      [{ method: { type: "soft", firstLayer: 1 } }, "invalid_value", "first_layer"],
      [{ method: { type: "kv", firstLayer: 6 } }, "invalid_value", "first_layer"],
      [{ method: { type: "lora", init: "labels" } }, "invalid_value", "init"],
      [{ method: { type: "head", reparam: { type: "mlp", width: 8 } } }, "invalid_value", "reparam"],
      [{ method: { init: { model: "ft:minilm-l6:nobody::none" } } }, "model_not_found", "init"],
      [{ method: { init: { model: "minilm-l6" } } }, "invalid_value", "init"],
      [{ method: { type: "kv", epochs: 1.5 } }, "invalid_value", "n_epochs"],
      [{ method: { type: "vpt" as "kv" } }, "invalid_value", "method.type"],
      [{ metadata: { ["k".repeat(65)]: "" } }, "invalid_value", "metadata"],
    ];
    for (const [change, code, param] of cases)
      await expect(createJob(service, tenant, request(file, change))).rejects.toMatchObject({ code, param });
    expect((await listJobs(service, tenant)).data).toEqual([]);
    expect((await readQuota(service, tenant)).quota.jobs).toEqual([]);
  });

  it("asked for again is the same job until it has ended; with a key also afterwards (journey 5)", async () => {
    const { service, tenant } = await world();
    const { id: file } = await upload(service, tenant);
    const make = (repeat?: { key?: string; body: string }) =>
      createJob(service, tenant, request(file), repeat);
    const [first, same] = await Promise.all([make(), make()]);
    expect(same).toEqual(first);
    await cancelJob(service, tenant, first.id);
    expect((await make()).id).not.toBe(first.id);
    const keyed = await make({ key: "k", body: "b" });
    await cancelJob(service, tenant, keyed.id);
    service.nowMs += 3_600_000;
    expect(await make({ key: "k", body: "b" })).toEqual(keyed);
    expect(service.started.filter((id) => id === keyed.id)).toHaveLength(1);
  });

  it("that died between its write and its start is started by the repeat, and by a restart", async () => {
    const { service, tenant } = await world();
    const { id: file } = await upload(service, tenant);
    const { start } = service.workflow;
    service.workflow.start = async () => {
      throw new Error("killed");
    };
    await expect(createJob(service, tenant, request(file))).rejects.toThrow("killed");
    service.workflow.start = start;
    expect(await restartJobs(service)).toBe(1);
    const { id } = await createJob(service, tenant, request(file));
    expect(service.started).toEqual([id, id]);
    await pauseJob(service, tenant, id);
    expect(await restartJobs(service)).toBe(0);
    await resumeJob(service, tenant, id);
    await cancelJob(service, tenant, id);
    expect(await restartJobs(service)).toBe(0);
  });

  it("of another tenant, unknown or malformed isn't there, whatever is asked of it", async () => {
    const { service, tenant } = await world();
    const { tenant: other } = await world();
    const job = await startedJob(service, tenant);
    const answers = new Set<unknown>();
    for (const id of [job.id, "ftjob-01jdzzzzzzzzzzzzzzzzzzzzzz", "../x", "", "ftjob-", job.trainingFile])
      for (const call of [getJob, cancelJob, pauseJob, resumeJob, listJobEvents])
        answers.add(await call(service, other, id).catch((error) => `${error.code}: ${error.message}`));
    expect([...answers]).toEqual(["not_found: There is no such job."]);
    expect(await getJob(service, tenant, job.id)).toMatchObject({ status: "running" });
  });

  it("that has ended can't be cancelled, paused or resumed; a cancel again is none", async () => {
    const { service, tenant } = await world();
    const job = await startedJob(service, tenant);
    await finishJob(service, tenant, job.id, FAILURE);
    for (const call of [cancelJob, pauseJob, resumeJob])
      await expect(call(service, tenant, job.id)).rejects.toMatchObject({ code: "job_ended" });
    const second = await startedJob(service, tenant, { seed: 1 });
    const cancelled = await cancelJob(service, tenant, second.id);
    expect(await cancelJob(service, tenant, second.id)).toEqual(cancelled);
    expect(service.stopped).toContain(second.id);
  });
});

describe("quotas of jobs", () => {
  it("hold under requests that come at once", async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), async (scheduler) => {
        const { service, tenant } = await world();
        await updateTenant(service, tenant, { overrides: { jobsAtOnce: 2 } });
        const { id: file } = await upload(service, tenant);
        service.gate = () => scheduler.schedule(Promise.resolve());
        const calls = [1, 2, 3, 4].map((seed) => createJob(service, tenant, request(file, { seed })));
        const answers = await scheduler.waitFor(Promise.allSettled(calls));
        service.gate = () => undefined;
        const made = answers.filter(({ status }) => status === "fulfilled") as PromiseFulfilledResult<Job>[];
        expect(made).toHaveLength(2);
        expect(
          answers.filter((answer) => answer.status === "rejected").map(({ reason }) => reason.code),
        ).toEqual(["exceeded_quota", "exceeded_quota"]);
        expect((await readQuota(service, tenant)).quota.jobs.toSorted()).toEqual(
          made.map(({ value }) => value.id).toSorted(),
        );
        await expect(deleteFile(service, tenant, file)).rejects.toMatchObject({ code: "file_in_use" });
      }),
      { numRuns: 50 },
    );
  });

  it("count models, and a month's hours", async () => {
    const { service, tenant } = await world();
    await updateTenant(service, tenant, { overrides: { prompts: 1, tuningHoursPerMonth: 1 } });
    const job = await startedJob(service, tenant);
    await expect(startedJob(service, tenant, { seed: 1 })).rejects.toThrow("tuned models");
    service.nowMs += 3_600_000;
    await finishJob(service, tenant, job.id, FAILURE);
    await expect(startedJob(service, tenant, { seed: 2 })).rejects.toThrow("tuning hours a month");
    service.nowMs += 10 * 86_400_000;
    await startedJob(service, tenant, { seed: 3 });
  });
});

it("events come in the order in which they were added, page by page, and can be followed", async () => {
  const { service, tenant } = await world();
  const { id } = await startedJob(service, tenant);
  for (let step = 1; step <= 30; step++)
    await reportProgress(service, tenant, id, { message: `${step}`, metrics: { step }, secondsLeft: 9 });
  service.nowMs -= 5000; // a clock set back
  await addJobEvent(service, tenant, id as JobId, { level: "warn", message: "last" });
  const [newest] = (await listJobEvents(service, tenant, id, { limit: 1 })).data;
  expect(newest).toMatchObject({ level: "warn", message: "last", type: "message" });
  const seen: string[] = [];
  for (let after: string | undefined, more = true; more; ) {
    const page = await listJobEvents(service, tenant, id, {
      order: "asc",
      limit: 7,
      ...(after && { after }),
    });
    seen.push(...page.data.map(({ message }) => message));
    after = page.data.at(-1)?.id;
    more = page.hasMore;
  }
  expect(seen.slice(3)).toEqual([...Array.from({ length: 30 }, (_, i) => `${i + 1}`), "last"]);
  await expect(listJobEvents(service, tenant, id, { after: "ftevent-x" })).rejects.toMatchObject({
    param: "after",
  });
});

it("jobs are listed the newest first, and by metadata", async () => {
  const { service, tenant } = await world();
  const a = await startedJob(service, tenant, { metadata: { team: "a" } });
  const b = await startedJob(service, tenant, { metadata: { team: "b" } });
  expect((await listJobs(service, tenant)).data.map(({ id }) => id)).toEqual([b.id, a.id]);
  expect((await listJobs(service, tenant, { metadata: { team: "a" } })).data.map(({ id }) => id)).toEqual([
    a.id,
  ]);
  expect((await listJobs(service, tenant, { metadata: { toString: "a" } as never })).data).toEqual([]);
});

it("nothing that people wrote is in the audit log", async () => {
  const { service, tenant } = await world();
  const job = await startedJob(service, tenant, { suffix: "sfx", metadata: { secret: "meta" } });
  await finishJob(service, tenant, job.id, success("prompt"));
  await getFile(service, tenant, job.trainingFile);
  const log = JSON.stringify((await listAudit(service, tenant, { limit: 100 })).data);
  for (const text of ["sfx", "meta", "train.jsonl", "card", ROWS.slice(10, 20)])
    expect(log).not.toContain(text);
});

it("a worker that begins a cancelled or paused job hears so", async () => {
  const { service, tenant } = await world();
  const { id } = await startedJob(service, tenant);
  await pauseJob(service, tenant, id);
  expect(await beginJob(service, tenant, id)).toMatchObject({ status: "paused" });
  expect(await reportProgress(service, tenant, id, { message: "x" })).toMatchObject({ status: "paused" });
  const prompt = success(createHash("sha256").update("x").digest("hex"));
  await cancelJob(service, tenant, id);
  expect(await finishJob(service, tenant, id, prompt)).toMatchObject({
    status: "cancelled",
    tunedModel: null,
  });
});

it("a prompt whose bytes aren't its id's is not published", async () => {
  const { service, tenant } = await world();
  const { id } = await startedJob(service, tenant);
  const prompt = { ...success("prompt"), bytes: new TextEncoder().encode("other") };
  await expect(finishJob(service, tenant, id, prompt)).rejects.toMatchObject({ code: "prompt_hash" });
  expect(await getJob(service, tenant, id)).toMatchObject({ status: "running" });
});
