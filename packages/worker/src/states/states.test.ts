import { readFile } from "node:fs/promises";
import path from "node:path";
import type { TinyBackbone } from "@kilotune/backbone/testing";
import { KilotuneError } from "@kilotune/contract";
import { decodePrompt } from "@kilotune/prompt";
import {
  cancelJob,
  deleteFile,
  deleteModel,
  eraseTenant,
  getJob,
  getModel,
  type Job,
  listCheckpoints,
  listFiles,
  listJobEvents,
  listModels,
  openFile,
  openPrompt,
  pauseJob,
  resumeJob,
} from "@kilotune/service";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { TaskHooks } from "../process/tasks.ts";
import { runTuneJob } from "../run-tune-job.ts";
import { openTiny, toyJob, toyRows } from "../testing.ts";
import { WorkerDied } from "./state-error.ts";
import { gathered, here, jsonl, openTestJobs, type TestJobs } from "./testing.ts";

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

const now = (job: Job) => getJob(jobs.service, jobs.tenant, job.id);
const models = async () => (await listModels(jobs.service, jobs.tenant)).data;
const events = async (job: Job) =>
  (await listJobEvents(jobs.service, jobs.tenant, job.id, { order: "asc", limit: 100 })).data;

/** The bytes that the same job has where nothing interrupts it. */
async function wholeBytes(): Promise<Buffer> {
  const { test: _, ...job } = toyJob(tiny, jobs.folder, { epochs: 3 });
  await runTuneJob(job);
  return readFile(job.out);
}

async function publishedBytes(job: Job): Promise<Buffer> {
  return bytesOf((await now(job)).promptId ?? "");
}

async function textOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  return (await gathered(chunks)).toString();
}

async function bytesOf(promptId: string): Promise<Buffer> {
  return gathered((await openPrompt(jobs.service, jobs.tenant, promptId)).chunks);
}

/** Calls `act` at the given training event of all tries together. */
function atStep(step: number, act: (hooks: TaskHooks) => unknown): void {
  let seen = 0;
  const { tune, ...others } = here(tiny);
  jobs.compute = {
    ...others,
    tune: (task, hooks) =>
      tune(task, {
        ...hooks,
        onEvent: (event) => {
          hooks.onEvent(event);
          if (event.kind === "training" && ++seen === step) act(hooks);
        },
      }),
  };
}

describe("a job", () => {
  it("ends as a model with the bytes that the command line makes of the same files", async () => {
    const job = await jobs.newJob();
    await jobs.run(job.id);
    const ended = await now(job);
    expect(ended).toMatchObject({ status: "succeeded", error: null });
    expect(ended.trainedTokens).toBeGreaterThan(100);
    expect(await models()).toEqual([expect.objectContaining({ name: ended.tunedModel, job: job.id })]);
    expect((await publishedBytes(job)).equals(await wholeBytes())).toBe(true);
    expect(jobs.logged).toEqual([]);
  });

  it("starts from the prompt of a model, which it keeps whatever becomes of the model's name", async () => {
    const first = await jobs.newJob();
    await jobs.run(first.id);
    const { tunedModel, promptId } = await now(first);
    const method = { type: "kv", epochs: 1, reparam: { type: "low_rank", rank: 1 } } as const;
    const next = await jobs.newJob({ method: { ...method, init: { model: tunedModel as string } } });
    expect(next.method.init).toEqual({ model: tunedModel, promptId });
    await jobs.run(next.id);
    expect(await now(next)).toMatchObject({ status: "succeeded", error: null });
    const { manifest } = (await decodePrompt(Uint8Array.from(await publishedBytes(next)))).prompt;
    expect(manifest.receipt?.asked).toMatchObject({
      init: { prompt: promptId },
      reparam: { kind: "low-rank", rank: 1 },
    });

    const shorter = await jobs.newJob({
      method: { ...method, tokens: 1, init: { model: tunedModel as string } },
    });
    await jobs.run(shorter.id);
    expect((await now(shorter)).error).toMatchObject({
      code: "bad_init",
      message: expect.stringContaining("saw 2 tokens"),
    });
    const late = await jobs.newJob({
      method: { ...method, init: { model: tunedModel as string } },
      validation: false,
    });
    await deleteModel(jobs.service, jobs.tenant, tunedModel as string);
    await jobs.run(late.id);
    expect((await now(late)).error).toMatchObject({ code: "bad_init", param: "init" });
    expect(jobs.logged).toEqual([]);
  });

  it("tells its progress, leaves its report and nothing else", async () => {
    const job = await jobs.newJob();
    await jobs.run(job.id);
    const told = await events(job);
    const words = told.map(({ message }) => message).join("\n");
    for (const part of [
      "train.jsonl: 30 rows, 3 labels",
      "Running the frozen layers once a row.",
      "epoch 3 of 3",
      "As served, the prompt answers",
      "has succeeded",
    ])
      expect(words).toContain(part);
    const metrics = told.filter(({ type }) => type === "metrics").map(({ data }) => data);
    expect(metrics).toContainEqual(
      expect.objectContaining({ step: 3, total_steps: 3, epoch: 3, train_loss: expect.any(Number) }),
    );
    const { resultFiles } = await now(job);
    const files = await Promise.all(resultFiles.map((id) => openFile(jobs.service, jobs.tenant, id)));
    expect(files.map(({ file }) => [file.purpose, file.filename])).toEqual(
      ["step_metrics.csv", "report.html", "report.json"].map((name) => [
        "fine-tune-results",
        name.replace(".", `-${job.id}.`),
      ]),
    );
    const [csv = ""] = await Promise.all(files.map(({ chunks }) => textOf(chunks)));
    expect(csv).toMatch(/^step,train_loss,.*\n1,[\d.]+,,,[\d.]*\n2,/);
    const listed = await listFiles(jobs.service, jobs.tenant, { purpose: "fine-tune-results" });
    expect(listed.data).toHaveLength(3);
    await deleteFile(jobs.service, jobs.tenant, resultFiles[0] as string);
    expect((await now(job)).resultFiles).toEqual(resultFiles);
    expect((await jobs.blobs()).filter((blob) => blob.startsWith("jobs/"))).toEqual([]);
    expect(words).not.toContain(jobs.folder);
  });

  it("leaves prompts from under way, each a model that can be asked", async () => {
    const job = await jobs.newJob({ method: { type: "kv", tokens: 2, epochs: 4 } });
    await jobs.run(job.id);
    const { data } = await listCheckpoints(jobs.service, jobs.tenant, job.id);
    expect(data.map(({ step }) => step)).toEqual([3, 2, 1]);
    for (const { model, metrics } of data) {
      expect(metrics).toEqual({ train_loss: expect.any(Number), valid_accuracy: expect.any(Number) });
      const { promptId } = await getModel(jobs.service, jobs.tenant, model);
      const { prompt } = await decodePrompt(await bytesOf(promptId));
      expect(prompt.manifest.labels).toEqual(["card", "parcel", "refund"]);
    }
  });

  it("that is run again when it has ended changes nothing (known fault 93)", async () => {
    const job = await jobs.newJob();
    await jobs.run(job.id);
    const before = [await now(job), await events(job), await jobs.blobs()];
    await jobs.run(job.id);
    expect([await now(job), await events(job), await jobs.blobs()]).toEqual(before);
  });

  it("whose execution died between any two states goes on where it was", async () => {
    const job = await jobs.newJob();
    const whole = here(tiny);
    let tuned = 0;
    jobs.compute = {
      ...whole,
      tune: (task, hooks) => whole.tune(task, hooks).finally(() => tuned++),
      // As a power cut: the execution ends without another word.
      answer: () => new Promise(() => {}),
    };
    void jobs.run(job.id).catch(() => {});
    await expect

      .poll(async () => (await jobs.blobs()).some((blob) => blob.endsWith("summary.json")), {
        timeout: 20_000,
      })
      .toBe(true);
    jobs.compute = whole;
    await jobs.run(job.id);
    expect(await now(job)).toMatchObject({ status: "succeeded" });
    expect(tuned).toBe(1);
  });
});

describe("a job that is stopped", () => {
  it("by a pause keeps its checkpoint, and resumed ends at the identical bytes", async () => {
    const job = await jobs.newJob();
    atStep(2, () => pauseJob(jobs.service, jobs.tenant, job.id));
    await jobs.run(job.id);
    expect(await now(job)).toMatchObject({ status: "paused" });
    expect(await jobs.blobs()).toContain(`jobs/${job.id}/checkpoints/selection-0.checkpoint`);
    expect(await models()).toEqual([]);
    await resumeJob(jobs.service, jobs.tenant, job.id);
    await jobs.run(job.id);
    expect(await now(job)).toMatchObject({ status: "succeeded" });
    expect((await publishedBytes(job)).equals(await wholeBytes())).toBe(true);
  });

  it("by a cancel publishes nothing and leaves nothing (known fault 95)", async () => {
    const job = await jobs.newJob();
    atStep(2, () => cancelJob(jobs.service, jobs.tenant, job.id));
    await jobs.run(job.id);
    expect(await now(job)).toMatchObject({ status: "cancelled", tunedModel: null });
    expect(await models()).toEqual([]);
    expect((await jobs.blobs()).filter((blob) => blob.startsWith("jobs/"))).toEqual([]);
  });

  it("by a cancel after its results were stored leaves none of them", async () => {
    const job = await jobs.newJob();
    const results = async () =>
      (await listFiles(jobs.service, jobs.tenant, { purpose: "fine-tune-results" })).data.length;
    const { put } = jobs.service.blobs;
    let stored = 0;
    jobs.service.blobs.put = async (...args) => {
      if (stored === 0 && args[1].startsWith("prompts/") && (await results()) === 3) {
        stored = 3;
        await cancelJob(jobs.service, jobs.tenant, job.id);
      }
      return put.apply(jobs.service.blobs, args);
    };
    await jobs.run(job.id);
    expect(await now(job)).toMatchObject({ status: "cancelled", resultFiles: [] });
    expect([stored, await results()]).toEqual([3, 0]);
  });

  it("by its tenant's end leaves no byte of it", async () => {
    const job = await jobs.newJob();
    let erasing: Promise<unknown> | undefined;
    atStep(2, () => {
      erasing = eraseTenant(jobs.service, jobs.tenant);
    });
    await jobs.run(job.id);
    await erasing;
    expect(await jobs.blobs()).toEqual([]);
  });

  it("by the death of its process goes on from the checkpoint, to the identical bytes", async () => {
    const job = await jobs.newJob();
    const whole = here(tiny);
    let tries = 0;
    jobs.compute = {
      ...whole,
      async tune(task, hooks) {
        tries++;
        if (tries > 1) return whole.tune(task, hooks);
        const stop = new AbortController();
        const onEvent: TaskHooks["onEvent"] = (event) => event.kind === "training" && stop.abort();
        await whole.tune(task, { onEvent, signal: stop.signal }).catch(() => {});
        throw new WorkerDied("SIGKILL");
      },
    };
    await jobs.run(job.id);
    expect(await now(job)).toMatchObject({ status: "succeeded" });
    expect(tries).toBe(2);
    expect((await publishedBytes(job)).equals(await wholeBytes())).toBe(true);
  });
});

describe("a job that fails", () => {
  it("for its file says which line of which", async () => {
    const job = await jobs.newJob();
    const blob = (await jobs.blobs()).find((each) => each === `files/${job.trainingFile}`) as string;
    const bad = `${jsonl(toyRows(5, 1))}{"text": 1, "label": "card"}\n`;
    await jobs.service.blobs.put(jobs.tenant, blob, Buffer.from(bad));
    await jobs.run(job.id);
    const { status, error } = await now(job);
    expect(status).toBe("failed");
    expect(error).toMatchObject({ code: "invalid_training_file", param: "training_file" });
    expect(error?.message).toContain("train.jsonl: line 16:");
  });

  it("when its process died again and again says so", async () => {
    const job = await jobs.newJob();
    let tries = 0;
    jobs.compute = {
      ...here(tiny),
      async tune() {
        tries++;
        throw new WorkerDied("SIGSEGV");
      },
    };
    await jobs.run(job.id);
    expect(tries).toBe(3);
    expect((await now(job)).error).toMatchObject({ code: "worker_died" });
  });

  it("for a reason of ours tells the operator, and the tenant no stack and no path", async () => {
    const job = await jobs.newJob();
    const seen = new Error(`ENOENT: no such file, open '${path.join(jobs.folder, "x")}'`);
    jobs.compute = { ...here(tiny), tune: () => Promise.reject(seen) };
    await jobs.run(job.id);
    const { status, error } = await now(job);
    expect(status).toBe("failed");
    expect(error?.code).toBe("internal_error");
    expect(JSON.stringify([error, await events(job)])).not.toMatch(/ENOENT|kilotune-states|\bat /);
    expect(jobs.logged).toContain(seen);
  });

  it("since the backbone's files were replaced says what to do (by who runs the server)", async () => {
    const job = await jobs.newJob();
    const error = new KilotuneError("backbone_replaced", "It is another.", "Start again.", {
      kind: "machine",
    });
    jobs.compute = { ...here(tiny), tune: () => Promise.reject(error) };
    await jobs.run(job.id);
    expect((await now(job)).error).toEqual({
      code: "backbone_replaced",
      message: "It is another. Start again.",
      param: null,
    });
  });

  it.each([
    { seen: "rows that differ", disagreeing: 2, right: 10 },
    { seen: "another accuracy than the report's", disagreeing: 0, right: 0 },
  ])("where serving has $seen publishes nothing", async ({ disagreeing, right }) => {
    const job = await jobs.newJob();
    jobs.compute = { ...here(tiny), answer: async () => ({ rows: 15, right, disagreeing }) };
    await jobs.run(job.id);
    expect((await now(job)).error).toMatchObject({ code: "serving_mismatch" });
    expect(await models()).toEqual([]);
  });
});
