import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { text } from "node:stream/consumers";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { S3Client } from "@aws-sdk/client-s3";
import { cacheFolder } from "@kilotune/backbone";
import { type TinyBackbone, tinyBackbone } from "@kilotune/backbone/testing";
import { type JobId, KilotuneError, type TenantId } from "@kilotune/contract";
import {
  cancelJob,
  createFile,
  createJob,
  createTenant,
  getJob,
  type Job,
  listJobEvents,
  queueJob,
  type Service,
} from "@kilotune/service";
import { openAwsStore } from "@kilotune/store/aws";
import { makeTableAndBucket } from "@kilotune/store/testing";
import type { Compute } from "@kilotune/worker";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { startMinistack } from "../../../../test/setup/ministack.ts";
import { bytesOf } from "../bytes.ts";
import { readFailure } from "../failure.ts";
import { bundlesIn } from "./bundles.ts";
import { EXIT } from "./exit-codes.ts";
import { runContainer } from "./run-container.ts";
import { tuneHere } from "./tune-here.ts";

vi.hoisted(() => {
  process.env.POWERTOOLS_LOG_LEVEL = "SILENT";
});

const aws = await startMinistack(cacheFolder(process.env), ["dynamodb", "s3"]);
if (aws === undefined) console.log("skipped: the container, since ministack isn't installed");

const region = "eu-central-1";
const credentials = { accessKeyId: "test", secretAccessKey: "test" };
const LABELS = ["card", "refund", "parcel"];
/** Each label's own: card0, card1, .. */
const WORDS = LABELS.map((label) => Array.from({ length: 8 }, (_, at) => `${label}${at}`));

const startedAt = new Date();
const NO_JOB = "ftjob-01jzzzzzzzzzzzzzzzzzzzzzzz" as JobId;
/** Some seconds of learning: the signal must meet it, on a busy machine too. */
const EPOCHS = 40;

let tiny: TinyBackbone;
let folder: string;
let service: Service;
let tenant: TenantId;
let variables: Record<string, string>;
let mounted: string | undefined;
const running: ChildProcess[] = [];

beforeAll(async () => {
  if (aws === undefined) return;
  const config = { endpoint: aws.endpoint, region, credentials };
  const dynamo = new DynamoDBClient(config);
  const s3 = new S3Client({ ...config, forcePathStyle: true });
  const name = `kilotune-${randomBytes(4).toString("hex")}`;
  await makeTableAndBucket(dynamo, s3, name);
  tiny = await tinyBackbone({ words: WORDS.flat() });
  folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-container-"));
  service = {
    ...openAwsStore({ table: name, bucket: name, dynamo, s3 }),
    workflow: { start: async () => {}, stop: async () => {} },
    // A prompt's file tells when its job was made: jobs of one moment have one prompt.
    clock: { now: () => startedAt },
    backbones: new Map([["tiny", { id: "tiny", createdAt: 0, layers: 2 }]]),
  };
  ({ id: tenant } = await createTenant(service, { name: "Desk", plan: "business" }));
  variables = {
    PATH: process.env.PATH ?? "",
    TMPDIR: folder,
    AWS_ENDPOINT_URL: aws.endpoint,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    KILOTUNE_STAGE: "test",
    KILOTUNE_TABLE: name,
    KILOTUNE_BUCKET: name,
    KILOTUNE_BACKBONE_DIR: await asInImage(tiny.bundle),
    KILOTUNE_TENANT: tenant,
  };
});
afterAll(async () => {
  for (const child of running) child.kill("SIGKILL");
  if (mounted !== undefined) spawnSync("umount", ["--lazy", mounted]);
  await tiny?.[Symbol.asyncDispose]();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  await aws?.stop();
});

/** A folder of bundles that have one graph alone; read-only where this user may make it so. */
async function asInImage(bundle: string): Promise<string> {
  const backbones = path.join(folder, "backbones");
  const isGraph = (name: string) => name.endsWith(".onnx") && !name.endsWith("serve.onnx");
  await cp(bundle, path.join(backbones, "tiny"), { recursive: true, filter: (from) => !isGraph(from) });
  if (spawnSync("mount", ["--bind", backbones, backbones]).status === 0) {
    mounted = backbones;
    spawnSync("mount", ["-o", "remount,bind,ro", backbones]);
  }
  return backbones;
}

/** A job that waits for its container. */
async function newJob(epochs: number): Promise<Job> {
  const { id: trainingFile } = await upload("train.jsonl", rows());
  const { id: validationFile } = await upload("val.jsonl", rows("unknown"));
  const method = { type: "kv", tokens: 2, epochs } as Job["method"];
  const request = { model: "tiny", trainingFile, validationFile, method, seed: 1 };
  // Without a key the same request would be the same job.
  const made = await createJob(service, tenant, request, { key: randomBytes(8).toString("hex"), body: "" });
  return queueJob(service, tenant, made.id);
}

function upload(filename: string, lines: string) {
  const chunks = (async function* () {
    yield Buffer.from(lines);
  })();
  return createFile(service, tenant, { filename, purpose: "fine-tune" }, chunks);
}

/** All pairs of different words of each label, `extra` words more in each. */
function rows(extra = ""): string {
  const all = LABELS.flatMap((label, at) => {
    const words = WORDS[at] as string[];
    const pairs = words.flatMap((a) => words.filter((b) => b !== a).map((b) => `${a} ${b} ${extra}`));
    return pairs.map((pair) => `${JSON.stringify({ text: pair.trim(), label })}\n`);
  });
  return all.join("");
}

/** The container as a process of its own. */
function start(job: Pick<Job, "id">, more: Record<string, string> = {}) {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, "main.ts")], {
    env: { ...variables, KILOTUNE_JOB: job.id, ...more },
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.push(child);
  const [out, err] = [text(child.stdout), text(child.stderr)];
  const ended = once(child, "close").then(async ([code]) => ({ code, out: await out, err: await err }));
  return { child, ended };
}

/** Until the job's `times`th container has begun to learn. */
async function untilTraining(job: Job, times = 1): Promise<void> {
  for (const end = Date.now() + 60_000; Date.now() < end; await setTimeout(100)) {
    const told = await messagesOf(job);
    const starts = [...told.keys()].filter((at) => told[at]?.startsWith("Running on "));
    const last = starts[times - 1];
    if (last !== undefined && told.slice(last).some((message) => message.startsWith("Tuning"))) return;
  }
  throw new Error("the job didn't begin to tune");
}

/** The oldest first. */
async function messagesOf(job: Job): Promise<string[]> {
  const { data } = await listJobEvents(service, tenant, job.id, { limit: 100, order: "asc" });
  return data.map(({ message }) => message);
}

async function blobNames(job: Job, within: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { path: name } of service.blobs.list(tenant, `jobs/${job.id}/${within}/`))
    found.push(name);
  return found;
}

async function promptOf(job: Job): Promise<string> {
  const blob = await service.blobs.open(tenant, `jobs/${job.id}/result/prompt.safetensors`);
  if (blob === undefined) throw new Error("there is no prompt");
  return (await bytesOf(blob.chunks)).toString("base64");
}

const now = (job: Job) => getJob(service, tenant, job.id);

describe.skipIf(aws === undefined)("the container", () => {
  it("that is interrupted keeps a checkpoint within seconds; the next one ends at the identical bytes", async () => {
    const [whole, job] = [await newJob(EPOCHS), await newJob(EPOCHS)];
    const wholeEnded = start(whole).ended;
    for (const [round, signal] of (["SIGTERM", "SIGKILL"] as const).entries()) {
      const { child, ended } = start(job);
      await untilTraining(job, round + 1);
      const startedMs = performance.now();
      child.kill(signal);
      const { code, out } = await ended;
      if (signal === "SIGTERM") {
        expect([code, out]).toEqual([EXIT.interrupted, expect.stringContaining('"exitCode":143')]);
        // Of the 30 that ECS gives, and the 120 of a spot machine.
        expect(performance.now() - startedMs).toBeLessThan(15_000);
      }
      expect(await now(job)).toMatchObject({ status: "running" });
      expect(await blobNames(job, "checkpoints")).toHaveLength(1);
      expect(await blobNames(job, "result")).toEqual([]);
    }
    const { code, out } = await start(job).ended;
    expect(code).toBe(EXIT.done);
    expect((await wholeEnded).code).toBe(EXIT.done);
    const wanted = await promptOf(whole);
    expect(await promptOf(job)).toBe(wanted);
    expect(out).toMatch(/"device":"(cpu|cuda)","because":"/);
    const told = await messagesOf(job);
    expect(told.filter((message) => message === "The job goes on.")).toHaveLength(2);
    expect(told.filter((message) => message.startsWith("Running on "))).toHaveLength(3);
    expect(told.filter((message) => message.includes("starting over"))).toEqual([]);
    // A repeat of what was done does nothing.
    expect((await start(job).ended).code).toBe(EXIT.done);
    expect(await promptOf(job)).toBe(wanted);
  }, 180_000);

  it("asks for another try where the table can't be reached", async () => {
    const { code, out } = await start({ id: NO_JOB }, { AWS_ENDPOINT_URL: "http://127.0.0.1:9" }).ended;
    expect(code).toBe(EXIT.tryAgain);
    expect(out).toContain('"error":"TryAgain"');
  });
});

describe.skipIf(aws === undefined)("the container's one state", () => {
  /** In this process, with work that is pretended. */
  const tuned = (job: Pick<Job, "id">, work: Compute["tune"], stop = new AbortController()) =>
    tuneHere(
      { tenant, job: job.id },
      {
        service,
        scratch: folder,
        stop: stop.signal,
        compute: { tune: work, measure: () => Promise.reject(), answer: () => Promise.reject() },
      },
    );
  /** Goes on until it is told to stop. */
  const untilStopped =
    (begun: () => unknown): Compute["tune"] =>
    async (_, { signal }) => {
      await begun();
      if (!signal.aborted) await once(signal, "abort");
      throw new Error("stopped");
    };

  it("is done where its job is cancelled, and asks for no other try", async () => {
    const job = await newJob(1);
    const cancel = () => cancelJob(service, tenant, job.id);
    expect(await tuned(job, untilStopped(cancel))).toBe(EXIT.done);
    expect(await now(job)).toMatchObject({ status: "cancelled" });

    // Batch ends a cancelled job's container by a signal, too.
    const another = await newJob(1);
    const stop = new AbortController();
    const cancelAndStop = async () => {
      await cancelJob(service, tenant, another.id);
      stop.abort();
    };
    expect(await tuned(another, untilStopped(cancelAndStop), stop)).toBe(EXIT.done);
    expect(await tuned({ id: NO_JOB }, untilStopped(cancel))).toBe(EXIT.done);
  });

  it("is interrupted where it is told to stop, and the job isn't", async () => {
    const job = await newJob(1);
    const stop = new AbortController();
    expect(
      await tuned(
        job,
        untilStopped(() => stop.abort()),
        stop,
      ),
    ).toBe(EXIT.interrupted);
    expect(await now(job)).toMatchObject({ status: "running" });
  });

  it("writes into the job's record why it can't be done", async () => {
    const job = await newJob(1);
    const refuse = () =>
      Promise.reject(
        new KilotuneError("model_not_found", "The job's model isn't served here.", "Take another."),
      );
    expect(await tuned(job, refuse)).toBe(EXIT.done);
    expect(await now(job)).toMatchObject({ status: "failed", error: { code: "model_not_found" } });
  });

  it("asks for another try where the process that tuned died, and leaves words for the last one", async () => {
    const job = await newJob(1);
    const die = () => Promise.reject(Object.assign(new Error("{}"), { name: "WorkerDied" }));
    expect(await tuned(job, die)).toBe(EXIT.tryAgain);
    expect(await now(job)).toMatchObject({ status: "running" });
    expect(await readFailure(service, { tenant, job: job.id })).toMatchObject({ Error: "WorkerDied" });
  });

  it("asks for another try where the disk is full", async () => {
    const job = await newJob(1);
    const fill = () =>
      Promise.reject(
        new KilotuneError("disk_full", "The disk is full.", "", { kind: "machine", retryable: true }),
      );
    expect(await tuned(job, fill)).toBe(EXIT.tryAgain);
  });
});

describe("a wrong call or environment", () => {
  const failed = async (words: readonly string[], more: Record<string, string>) => {
    const told: string[] = [];
    const written = vi.spyOn(process.stderr, "write").mockImplementation((text) => {
      told.push(String(text));
      return true;
    });
    vi.spyOn(console, "error").mockImplementation(() => {});
    try {
      const given = { KILOTUNE_STAGE: "test", KILOTUNE_TABLE: "t", KILOTUNE_BUCKET: "b", ...more };
      return [await runContainer(words, given, new AbortController().signal), told.join("")];
    } finally {
      written.mockRestore();
    }
  };
  const ids = ["--tenant", "tn-abcdefghijklmnop", "--job", NO_JOB];

  it("is said, and no other try is asked for", async () => {
    const says = (words: string) => [EXIT.usage, expect.stringContaining(words)];
    expect(await failed([], {})).toEqual(says("--tenant or KILOTUNE_TENANT"));
    expect(await failed(["--tenant", "../x"], {})).toEqual(says("--tenant or KILOTUNE_TENANT"));
    expect(await failed(ids.slice(0, 2), {})).toEqual(says("--job or KILOTUNE_JOB"));
    expect(await failed([...ids, "--trial", "first"], {})).toEqual(says("--trial or KILOTUNE_TRIAL"));
    expect(await failed([...ids, "--device", "tpu"], {})).toEqual(says("auto, cpu or cuda"));
    expect(await failed(["--colour"], {})).toEqual(says("the flags that --help shows"));
    expect(await failed(ids, { KILOTUNE_TABLE: "" })).toEqual(says("KILOTUNE_TABLE is missing"));
    expect(await failed(ids, { KILOTUNE_BACKBONE_DIR: "/nowhere" })).toEqual(
      says("expected a backbone's bundle in /nowhere"),
    );
  });
});

describe("bundles of an image", () => {
  it("are the folder itself, or those in it", async () => {
    const images = await mkdtemp(path.join(os.tmpdir(), "kilotune-bundles-"));
    await expect(bundlesIn(images)).rejects.toMatchObject({ code: "backbone_missing", kind: "machine" });
    const manifests = {
      one: { id: "one", config: { layers: 2 } },
      two: { id: "two", kind: "vision", config: { layers: 3 } },
    };
    for (const [id, manifest] of Object.entries(manifests)) {
      await mkdir(path.join(images, id));
      await writeFile(path.join(images, id, "manifest.json"), JSON.stringify(manifest));
    }
    await mkdir(path.join(images, "broken"));
    await writeFile(path.join(images, "broken", "manifest.json"), "{");
    expect(await bundlesIn(images)).toEqual(
      new Map([
        ["one", { folder: path.join(images, "one"), input: "text", layers: 2 }],
        ["two", { folder: path.join(images, "two"), input: "image", layers: 3 }],
      ]),
    );
    expect([...(await bundlesIn(path.join(images, "one"))).keys()]).toEqual(["one"]);
    await rm(images, { recursive: true });
  });
});
