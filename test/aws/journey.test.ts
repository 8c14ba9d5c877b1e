import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { ListObjectsV2Command, PutObjectCommand } from "@aws-sdk/client-s3";
import { GetExecutionHistoryCommand, StopExecutionCommand } from "@aws-sdk/client-sfn";
import { decodePrompt } from "@kilotune/prompt";
import { createPredictor } from "@kilotune/serving";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FUNCTIONS, type FunctionName } from "../../packages/aws/src/functions/functions.ts";
import type { TinyBackbone } from "../../packages/backbone/src/testing.ts";
import { openTiny, toyFile } from "../../packages/local/src/testing.ts";
import { type Built, build } from "./built.ts";
import { type Cloud, openCloud } from "./cloud.ts";
import { CREDENTIALS, containerWith } from "./container-process.ts";
import { eventOf, responseOf } from "./events.ts";
import { MOUNTS } from "./lambda-process.ts";
import { type TenantCalls, tenantCalls } from "./tenant-calls.ts";

/** The built functions in Lambda's layout, and the emulator's Step Functions between them: a tenant's whole walk. */

let tiny: TinyBackbone;
let scratch: string;
let built: Built;
let cloud: Cloud | undefined;
let call: TenantCalls["call"];
let newTenant: TenantCalls["newTenant"];
let upload: TenantCalls["upload"];
let until: TenantCalls["until"];
beforeAll(async () => {
  tiny = await openTiny();
  scratch = await mkdtemp(path.join(os.tmpdir(), "kilotune-tune-"));
  built = await build(Object.keys(FUNCTIONS) as FunctionName[], tiny.bundle);
  const tune = containerWith(tiny.bundle, scratch);
  cloud = await openCloud({ built, backbone: tiny.backbone, tune });
  Object.assign(process.env, CREDENTIALS, cloud?.environment);
  if (cloud !== undefined) ({ call, newTenant, upload, until } = tenantCalls(cloud));
  if (!MOUNTS)
    console.log("functions get their folders by their environment: this machine mounts none for us");
});
afterAll(async () => {
  await cloud?.[Symbol.asyncDispose]();
  await built[Symbol.asyncDispose]();
  await tiny[Symbol.asyncDispose]();
  await rm(scratch, { recursive: true, force: true });
});

const TEXTS = ["my stolen card", "is the courier late", "money paid twice"];

describe("functions as they are deployed", { timeout: 150_000 }, () => {
  it("take a file, tune on it, answer with what came of it, offline too, and forget it", async (context) => {
    if (cloud === undefined) return context.skip();
    const key = await newTenant("Support desk");
    const file = await upload(key, toyFile(8, 1), "fine-tune");
    const created = await call(key, "POST", "/v1/fine_tuning/jobs", {
      model: "tiny",
      training_file: file,
      suffix: "desk",
      method: { type: "kv", kv: { hyperparameters: { n_epochs: 2, tokens: 4 } } },
      sweep: [{}, { tokens: 2 }],
      folds: 2,
    });
    expect([created.status, created.body.error]).toEqual([200, null]);
    const job = await until(key, `/v1/fine_tuning/jobs/${created.body.id}`, "succeeded", "failed");
    expect([job.status, job.error]).toEqual(["succeeded", null]);

    const events = await (cloud as Cloud).fetch(
      new Request(`https://api.test/v1/fine_tuning/jobs/${job.id}/events?stream=true`, {
        headers: { authorization: `Bearer ${key}` },
      }),
    );
    expect(events.headers.get("content-type")).toContain("text/event-stream");
    const told = await events.text();
    for (const part of ["Candidate 1 of 2", "Candidate 2 of 2 (tokens 2)", "The job has succeeded"])
      expect(told).toContain(part);
    expect(told.endsWith("data: [DONE]\n\n")).toBe(true);

    const model = job.fine_tuned_model;
    const answer = await call(key, "POST", "/v1/classify", { model, input: TEXTS });
    expect(answer.status).toBe(200);
    // The same numbers as a predictor of this process gives, to the last bit.
    const { body: prompts } = await call(key, "GET", "/v1/prompts");
    const bytes = await (cloud as Cloud).fetch(
      new Request(`https://api.test/v1/prompts/${prompts.data[0].id}/content`, {
        headers: { authorization: `Bearer ${key}` },
      }),
    );
    const stored = await decodePrompt(new Uint8Array(await bytes.arrayBuffer()));
    const predictor = await createPredictor({ backbone: tiny.backbone, loadPrompt: async () => stored });
    const alone = await predictor.classify(TEXTS.map((text) => ({ text, prompt: "it" })));
    await predictor.close();
    const ours = alone.map(({ label, score, scores, truncated }, index) => ({
      index,
      label,
      score,
      scores: Object.fromEntries(scores.map((each) => [each.label, each.score])),
      truncated,
    }));
    expect(answer.body.data).toEqual(ours);

    const vectors = await call(key, "POST", "/v1/embeddings", { model: "tiny", input: TEXTS });
    expect(vectors.body.data.map(({ embedding }: { embedding: number[] }) => embedding.length)).toEqual([
      32, 32, 32,
    ]);

    const lines = TEXTS.map((input, at) =>
      JSON.stringify({
        custom_id: `line-${at}`,
        method: "POST",
        url: "/v1/classify",
        body: { model, input },
      }),
    );
    const batch = await call(key, "POST", "/v1/batches", {
      input_file_id: await upload(key, lines.join("\n"), "batch"),
      endpoint: "/v1/classify",
      completion_window: "24h",
    });
    const ended = await until(key, `/v1/batches/${batch.body.id}`, "completed", "failed");
    expect(ended).toMatchObject({
      status: "completed",
      request_counts: { total: 3, completed: 3, failed: 0 },
    });

    // Nobody else's, and not without a key.
    const other = await newTenant("Another");
    expect((await call(other, "POST", "/v1/classify", { model, input: "x" })).status).toBe(404);
    expect((await call("none", "GET", "/v1/models")).status).toBe(401);

    expect((await call(key, "DELETE", `/v1/models/${model}`)).status).toBe(200);
    expect((await call(key, "POST", "/v1/classify", { model, input: "x" })).status).toBe(404);

    const logs = (cloud as Cloud).logs();
    for (const secret of [key, (cloud as Cloud).adminKey, "desk.jsonl", "stolen", "courier"])
      expect(logs).not.toContain(secret);
    expect(logs).toContain('"_aws":{"Timestamp"');
  });

  it("tell a tenant why its job failed, and nobody else: neither a log nor an execution's history", async (context) => {
    if (cloud === undefined) return context.skip();
    const key = await newTenant("Broken");
    const file = await upload(key, toyFile(4, 2), "fine-tune");
    // What lies there now isn't what was uploaded: a bucket that somebody else wrote into.
    const { Contents = [] } = await cloud.s3.send(new ListObjectsV2Command({ Bucket: cloud.bucket }));
    const Key = Contents.find((object) => object.Key?.endsWith(file))?.Key;
    const Body = '{"text":"hush","label":"a"}\n{"text":"hush","label":"b"}\nrubbish';
    await cloud.s3.send(new PutObjectCommand({ Bucket: cloud.bucket, Key, Body }));
    const created = await call(key, "POST", "/v1/fine_tuning/jobs", { model: "tiny", training_file: file });
    const job = await until(key, `/v1/fine_tuning/jobs/${created.body.id}`, "succeeded", "failed");
    expect(job.error).toMatchObject({ code: "invalid_training_file", param: "training_file" });
    expect(job.error.message).toContain("desk.jsonl: line 3");
    expect(cloud.logs()).not.toMatch(/rubbish|hush|desk\.jsonl/);
    const executionArn = `${cloud.jobs.replace("stateMachine", "execution")}:${job.id}`;
    const history = await cloud.sfn.send(new GetExecutionHistoryCommand({ executionArn, maxResults: 1000 }));
    expect(JSON.stringify(history.events)).toContain("JobFailed");
    expect(JSON.stringify(history.events)).not.toMatch(/rubbish|hush|desk\.jsonl/);
  });

  it("stop a job that is cancelled and go on with one that is resumed", async (context) => {
    if (cloud === undefined) return context.skip();
    const key = await newTenant("Steering");
    const file = await upload(key, toyFile(8, 3), "fine-tune");
    const created = await call(key, "POST", "/v1/fine_tuning/jobs", {
      model: "tiny",
      training_file: file,
      method: { type: "kv", kv: { hyperparameters: { n_epochs: 2, tokens: 4 } } },
    });
    const route = `/v1/fine_tuning/jobs/${created.body.id}`;
    expect((await call(key, "POST", `${route}/pause`)).body.status).toBe("paused");
    expect((await call(key, "POST", `${route}/resume`)).body.status).toBe("queued");
    expect((await until(key, route, "succeeded", "failed")).status).toBe("succeeded");

    const second = await call(key, "POST", "/v1/fine_tuning/jobs", {
      model: "tiny",
      training_file: file,
      seed: 7,
    });
    const cancelled = await call(key, "POST", `/v1/fine_tuning/jobs/${second.body.id}/cancel`);
    expect(cancelled.body.status).toBe("cancelled");
    expect((await call(key, "GET", "/v1/models")).body.data).toHaveLength(2);
  });

  it("look after what nobody calls for: an execution that died is started again", async (context) => {
    if (cloud === undefined) return context.skip();
    const key = await newTenant("Unlucky");
    const file = await upload(key, toyFile(8, 4), "fine-tune");
    const created = await call(key, "POST", "/v1/fine_tuning/jobs", {
      model: "tiny",
      training_file: file,
      method: { type: "kv", kv: { hyperparameters: { n_epochs: 1, tokens: 4 } } },
    });
    const executionArn = `${cloud.jobs.replace("stateMachine", "execution")}:${created.body.id}`;
    await cloud.sfn.send(new StopExecutionCommand({ executionArn }));
    for (const chore of ["deliver", "restart", "sweep"])
      expect((await cloud.invoke("housekeeping", { chore })).error).toBeUndefined();
    const job = await until(key, `/v1/fine_tuning/jobs/${created.body.id}`, "succeeded", "failed");
    expect([job.status, job.error]).toEqual(["succeeded", null]);
    expect((await cloud.invoke("housekeeping", { chore: "dance" })).error?.errorMessage).toContain(
      "one of deliver",
    );
  });

  it("answer through API Gateway as through their URL, and refuse what is no call", async (context) => {
    if (cloud === undefined) return context.skip();
    await using buffered = await cloud.another("api", { handler: "index.buffered" });
    const ask = async (request: Request) =>
      responseOf(await buffered.invoke(await eventOf(request, "http-api")));
    const page = await ask(new Request("https://api.test/docs/favicon-32x32.png"));
    expect([page.status, (await page.arrayBuffer()).byteLength]).toEqual([200, 628]);
    const openapi = await ask(new Request("https://api.test/openapi.json?x=1"));
    expect(((await openapi.json()) as { openapi: string }).openapi).toBe("3.1.0");
    for (const path of ["/v1/models", "/nothing", "/v1/files/file-1/content"]) {
      const [one, other] = await Promise.all([
        ask(new Request(`https://api.test${path}`)),
        cloud.fetch(new Request(`https://api.test${path}`)),
      ]);
      expect([one.status, await one.json()]).toEqual([other.status, await other.json()]);
    }

    const api = await cloud.instance("api");
    for (const instance of [buffered, api])
      for (const event of [
        null,
        {},
        "x",
        { version: "1.0", path: "/v1/models" },
        { version: "2.0", rawPath: "//" },
      ]) {
        const answer = responseOf(await instance.invoke(event));
        expect(answer.status).toBe(400);
        expect(((await answer.json()) as { error: { code: string } }).error.code).toBe("invalid_request");
      }
  });

  it("refuse an event of 7 MB", async (context) => {
    if (cloud === undefined) return context.skip();
    const key = await newTenant("Large");
    const { status, body } = await call(key, "POST", "/v1/classify", {
      model: "tiny",
      input: "x".repeat(7e6),
    });
    expect([status, body.error.code]).toEqual([413, "body_too_large"]);
  });
});
