import { readFile } from "node:fs/promises";
import path from "node:path";
import { inspect } from "node:util";
import type { JobId } from "@kilotune/contract";
import {
  AuthenticationError,
  BadRequestError,
  ConflictError,
  ConnectionError,
  InternalServerError,
  Kilotune,
  type KilotuneOptions,
  NotFoundError,
  PreconditionFailedError,
  RateLimitError,
  TimeoutError,
} from "@kilotune/sdk";
import { addJobEvent, beginJob, createKey, finishJob, queueJob } from "@kilotune/service";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { overloaded, ROWS, succeed, type TestTenant, tune } from "../packages/api/src/testing.ts";
import {
  answering,
  cutAfter,
  dropped,
  openTestServer,
  type TestServer,
  unheard,
} from "./setup/test-server.ts";

/** The SDK against the real API over a real port, and over lines that fail. */

let server: TestServer;
let tenant: TestTenant;
let kilotune: Kilotune;
beforeAll(async () => {
  server = await openTestServer();
  tenant = await server.api.newTenant();
  kilotune = clientWith();
});
afterAll(() => server[Symbol.asyncDispose]());
afterEach(() => {
  server.faults.length = 0;
  server.requests.length = 0;
});

const clientWith = (options: Partial<KilotuneOptions> = {}) =>
  new Kilotune({ baseURL: server.url, apiKey: tenant.key, ...options });
const rows = () => new Blob([`${ROWS}{"text":"row ${Math.random()}","label":"billing"}\n`]);
const newFile = () => kilotune.files.create({ file: rows(), purpose: "fine-tune" });
const newJob = async () => kilotune.jobs.create({ model: "minilm-l6", training_file: (await newFile()).id });
const soon = { "retry-after-ms": "1" };
async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const gathered: Item[] = [];
  for await (const item of items) gathered.push(item);
  return gathered;
}
/** What the error was, for expectations. */
async function refusal<E extends Error>(
  call: PromiseLike<unknown>,
  kind: new (...args: never) => E,
): Promise<E> {
  const error = await call.then(
    () => expect.unreachable("it was answered"),
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(kind);
  return error as E;
}

describe("the walk of a developer", () => {
  it("uploads, tunes, watches, asks, deletes", async () => {
    const file = await kilotune.files.create({
      file: new File([rows()], "desk.jsonl"),
      purpose: "fine-tune",
    });
    expect(file).toMatchObject({ object: "file", filename: "desk.jsonl", status: "processed" });
    expect(await (await kilotune.files.content(file.id)).text()).toContain("Where is my parcel?");
    expect((await kilotune.files.get(file.id)).bytes).toBe(file.bytes);

    const { fine_tuned_model: model = "" } = await kilotune.jobs.get((await tune(server.api, tenant)).id);
    expect((await all(kilotune.models.list())).map(({ id }) => id)).toContain(model);
    const { data, usage } = await kilotune.classify({ model: model!, input: ["a", "bcd"] });
    expect(data.map(({ label }) => label.split(":")[1])).toEqual(["1", "3"]);
    expect(Object.keys(data[0]!.scores)).toContain("__proto__");
    expect(usage.total_tokens).toBe(10);
    expect((await kilotune.embeddings({ model: "minilm-l6", input: "four" })).data[0]).toMatchObject({
      embedding: [4, 0.5, -1],
    });
    const [prompt] = await all(kilotune.prompts.list());
    expect(await (await kilotune.prompts.download(prompt!.id)).text()).toContain("prompt of");
    expect((await kilotune.usage()).data).toContainEqual(expect.objectContaining({ model, tokens: 10 }));

    expect(await kilotune.models.delete(model!)).toEqual({ id: model, object: "model", deleted: true });
    await refusal(kilotune.models.get(model!), NotFoundError);
    expect(await kilotune.files.delete(file.id)).toMatchObject({ deleted: true });
  });

  it("takes a prompt's file to another tenant", async () => {
    const { promptId } = await tune(server.api, tenant);
    const file = await (await kilotune.prompts.download(promptId!)).blob();
    const other = clientWith({ apiKey: (await server.api.newTenant()).key });
    server.faults.push(unheard);
    const made = await other.prompts.import({ file, suffix: "desk" });
    expect(made).toMatchObject({ object: "prompt", id: promptId, bytes: file.size });
    expect((await other.prompts.import({ file: file.stream(), suffix: "desk" })).model).toBe(made.model);
    expect((await all(other.prompts.list())).map(({ model }) => model)).toEqual([made.model]);
    const bad = await refusal(other.prompts.import({ file: new Blob(["{}"]) }), BadRequestError);
    expect([bad.code, bad.param]).toEqual(["invalid_prompt", "file"]);
  });

  it("steers a job, and names it by metadata", async () => {
    const training_file = (await newFile()).id;
    const job = await kilotune.jobs.create({ model: "minilm-l6", training_file, metadata: { run: "7" } });
    expect((await kilotune.jobs.pause(job.id)).status).toBe("paused");
    expect((await kilotune.jobs.resume(job.id)).status).toBe("queued");
    expect((await kilotune.jobs.cancel(job.id)).status).toBe("cancelled");
    const found = await kilotune.jobs.list({ metadata: { run: "7" } });
    expect(found.data.map(({ id }) => id)).toEqual([job.id]);
    expect(await all(kilotune.jobs.listEvents(job.id))).not.toHaveLength(0);
    expect(await all(kilotune.jobs.listCheckpoints(job.id))).toEqual([]);
  });

  it("moves an alias by its ETag, and never over somebody else's move", async () => {
    const models = [await tune(server.api, tenant), await tune(server.api, tenant)].map(
      (job) => job.tunedModel!,
    );
    const made = await kilotune.aliases.put("support", { model: models[0]! }, { ifNoneMatch: "*" });
    const moved = await kilotune.aliases.put("support", { model: models[1]! }, { ifMatch: made.etag });
    expect(moved.etag).not.toBe(made.etag);
    const { code } = await refusal(
      kilotune.aliases.put("support", { model: models[0]! }, { ifMatch: made.etag }),
      PreconditionFailedError,
    );
    expect(code).toBe("precondition_failed");
    expect((await kilotune.aliases.rollback("support", { ifMatch: moved.etag })).model).toBe(models[0]);
    expect(await kilotune.aliases.get("support")).toMatchObject({
      model: models[0],
      etag: expect.any(String),
    });
    expect((await all(kilotune.aliases.list())).map(({ id }) => id)).toEqual(["support"]);
    await kilotune.aliases.delete("support");
    await refusal(kilotune.aliases.get("support"), NotFoundError);
  });

  it("sees to keys, and the platform to tenants", async () => {
    const { id, secret } = await kilotune.keys.create({ name: "ci", scopes: ["read"] });
    expect((await clientWith({ apiKey: secret }).tenant.get()).id).toBe(tenant.id);
    const next = await kilotune.keys.rotate(id, { overlap_seconds: 0 });
    expect((await kilotune.keys.revoke(next.id)).revoked_at).toBeGreaterThan(0);
    expect((await all(kilotune.keys.list())).map((key) => key.id)).toContain(next.id);

    const { admin } = clientWith({ apiKey: server.api.adminKey, baseURL: `${server.url}/v1/` });
    const { tenant: made, key } = await admin.tenants.create({ name: "Bolt", plan: "business" });
    expect((await clientWith({ apiKey: key.secret }).tenant.get()).name).toBe("Bolt");
    expect((await admin.tenants.update(made.id, { name: "Bolt Ltd" })).name).toBe("Bolt Ltd");
    expect(await all(admin.tenants.keys(made.id).list())).toHaveLength(1);
    expect((await all(admin.backbones())).map((each) => each.id)).toEqual(["minilm-l6"]);
    expect((await admin.audit({ limit: 1 })).data).toHaveLength(1);
    expect(await admin.tenants.delete(made.id)).toMatchObject({ deleted: true });
    await refusal(admin.tenants.get(made.id), NotFoundError);
  });

  it("sends a file in parts", async () => {
    const file = rows();
    const upload = await kilotune.uploads.create({
      bytes: file.size,
      filename: "parts.jsonl",
      mime_type: "application/jsonl",
      purpose: "fine-tune",
    });
    server.faults.push(async (next, line) => {
      await next();
      return line.drop();
    });
    const parts = [
      await kilotune.uploads.addPart(upload.id, file.slice(0, 40)),
      await kilotune.uploads.addPart(upload.id, file.slice(40)),
    ];
    const part_ids = parts.map(({ id }) => id);
    const done = await kilotune.uploads.complete(upload.id, { part_ids });
    expect(done).toMatchObject({ status: "completed", file: { bytes: file.size, filename: "parts.jsonl" } });
    expect((await refusal(kilotune.uploads.cancel(upload.id), BadRequestError)).code).toBe("invalid_upload");
  });

  it("sets a webhook, whose secret is shown once", async () => {
    const { secret } = await kilotune.webhook.set("https://hooks.example.com/x");
    expect(secret).toMatch(/^whsec_/);
    expect(await kilotune.webhook.get()).not.toHaveProperty("secret");
    expect((await refusal(kilotune.webhook.set("https://10.0.0.1/"), BadRequestError)).param).toBe("url");
    expect(await kilotune.webhook.remove()).toMatchObject({ deleted: true });
    await refusal(kilotune.webhook.get(), NotFoundError);
  });

  it("answers a file offline, once however often the same call comes", async () => {
    const line = {
      custom_id: "1",
      method: "POST",
      url: "/v1/embeddings",
      body: { model: "minilm-l6", input: "abc" },
    };
    const file = await kilotune.files.create({ file: new Blob([JSON.stringify(line)]), purpose: "batch" });
    const asked = { input_file_id: file.id, endpoint: "/v1/embeddings", completion_window: "24h" } as const;
    const batch = await kilotune.batches.create(asked);
    expect(server.requests.at(-1)?.headers.get("idempotency-key")).toMatch(/./);
    const seen: string[] = [];
    for await (const { status } of kilotune.batches.watch(batch.id, { everyMs: 10 })) {
      if (seen.push(status) === 1) await server.api.runBatch(tenant, batch.id);
    }
    // The same twice is told once.
    expect(seen).toEqual(["validating", "completed"]);
    const { output_file_id: output } = await kilotune.batches.get(batch.id);
    const answer = JSON.parse(await (await kilotune.files.content(output ?? "")).text());
    expect(answer.response.body.data[0].embedding).toEqual([3, 0.5, -1]);
    expect((await all(kilotune.batches.list())).map(({ id }) => id)).toEqual([batch.id]);
    expect((await refusal(kilotune.batches.cancel(batch.id), BadRequestError)).code).toBe("batch_ended");
  });
});

describe("the README's example", () => {
  it("is a file, and gives what it says", async () => {
    const folder = path.join(import.meta.dirname, "../packages/sdk");
    const example = await readFile(path.join(folder, "src/readme.example.ts"), "utf8");
    expect(await readFile(path.join(folder, "README.md"), "utf8")).toContain(`\`\`\`ts\n${example}\`\`\`\n`);

    vi.stubEnv("KILOTUNE_URL", server.url);
    const own = await server.api.newTenant();
    vi.stubEnv("KILOTUNE_API_KEY", own.key);
    const log = vi.spyOn(console, "log").mockReturnValue();
    const running = import("../packages/sdk/src/readme.example.ts");
    const job = await vi.waitUntil(async () => (await clientWith({ apiKey: own.key }).jobs.list()).data[0]);
    await succeed(server.api, own, job.id as JobId);
    expect((await running).data).toMatchObject([{ label: expect.any(String), score: expect.any(Number) }]);
    expect(log).toHaveBeenCalledWith("The job has started.");
    log.mockRestore();
  });
});

describe("lists", () => {
  it("are pages to await and items to iterate, and ask for nothing before", async () => {
    const own = await server.api.newTenant();
    for (let at = 0; at < 5; at++) await own.upload(`${ROWS}{"text":"row ${at}","label":"billing"}\n`);
    const { files } = clientWith({ apiKey: own.key });
    server.requests.length = 0;
    const listing = files.list({ limit: 2, order: "asc" });
    expect(server.requests).toEqual([]);
    const first = await listing;
    expect([first.data.length, first.hasMore]).toEqual([2, true]);
    expect((await first.nextPage())?.data).toHaveLength(2);
    const items = await all(listing);
    expect(new Set(items.map(({ id }) => id)).size).toBe(5);
    // The first page was there already.
    expect(server.requests.map(({ path }) => path.replace(/file-\w+/, "ID"))).toEqual([
      "/v1/files?limit=2&order=asc",
      ...Array(3).fill("/v1/files?limit=2&order=asc&after=ID"),
    ]);
    await expect(
      clientWith({ apiKey: "kt_wrong" })
        .files.list()
        .catch(() => "caught"),
    ).resolves.toBe("caught");
  });
});

describe("uploads", () => {
  it("take blobs, web streams and anything that yields bytes, and repeat each whole", async () => {
    const bytes = () => new Uint8Array(Buffer.from(`${ROWS}{"text":"${Math.random()}","label":"billing"}\n`));
    async function* slowly() {
      const whole = bytes();
      yield whole.subarray(0, 10);
      yield whole.subarray(10);
    }
    for (const file of [rows(), new Blob([bytes()]).stream(), slowly()]) {
      server.faults.push(dropped);
      const made = await kilotune.files.create({
        file,
        purpose: "fine-tune",
        filename: "ünïcode 損失.jsonl",
      });
      expect(made.filename).toBe("ünïcode 損失.jsonl");
      expect(await (await kilotune.files.content(made.id)).text()).toContain('"billing"}\n');
    }
  });

  it("that are refused say every bad line", async () => {
    const file = new Blob(['{"text":"a","label":"x"}\n{"text":"b"}\n{"label":"y"}\n']);
    const error = await refusal(kilotune.files.create({ file, purpose: "fine-tune" }), BadRequestError);
    expect(error).toMatchObject({
      status: 400,
      code: "invalid_training_file",
      retryable: false,
      kind: "input",
    });
    expect(error.requestId).toMatch(/^req_/);
    expect(error.issues.map(({ line, code }) => [line, code])).toEqual([
      [0, "one_class"],
      [2, "label_missing"],
      [3, "text_missing"],
    ]);
    expect(server.requests).toHaveLength(1);
  });

  it("that are refused before their end are told why, and nothing else happens", async () => {
    const big = new Blob([`${ROWS}`.repeat(100_000)]);
    const { files } = clientWith({ apiKey: "kt_wrong" });
    for (let round = 0; round < 3; round++) {
      await refusal(files.create({ file: big, purpose: "fine-tune" }), AuthenticationError);
    }
    expect(server.requests).toHaveLength(3);
  });

  it("keep a name with quotes and breaks to itself", async () => {
    const made = await kilotune.files.create({
      file: rows(),
      filename: 'a"; name="purpose',
      purpose: "fine-tune",
    });
    expect(made.purpose).toBe("fine-tune");
    const evil = { file: rows(), filename: 'a\r\n\r\nbatch\r\n--"', purpose: "fine-tune" } as const;
    expect((await kilotune.files.create(evil)).purpose).toBe("fine-tune");
  });

  it("may end by themselves", async () => {
    const expires_after = { anchor: "created_at", seconds: 3600 } as const;
    const { expires_at, created_at } = await kilotune.files.create({
      file: rows(),
      purpose: "user_data",
      expires_after,
    });
    expect(expires_at! - created_at).toBe(3600);
  });
});

describe("retries", () => {
  it("repeat a create whose answer was lost, with its key, and make one thing", async () => {
    const training_file = (await newFile()).id;
    const before = (await kilotune.jobs.list({ limit: 100 })).data.length;
    server.requests.length = 0;
    server.faults.push(unheard, answering(500, soon), unheard);
    const job = await clientWith({ maxRetries: 3 }).jobs.create({ model: "minilm-l6", training_file });
    const keys = server.requests.map(({ headers }) => headers.get("idempotency-key"));
    expect(keys).toEqual(Array(4).fill(expect.stringMatching(/^[0-9a-f]{32}$/)));
    expect(new Set(keys).size).toBe(1);
    const after = (await kilotune.jobs.list({ limit: 100 })).data;
    expect(after).toHaveLength(before + 1);
    expect(after[0]!.id).toBe(job.id);
    // Twice on purpose is two.
    expect((await kilotune.jobs.create({ model: "minilm-l6", training_file })).id).not.toBe(job.id);
  });

  it("wait as long as they are told, in milliseconds, seconds or by date, but not longer than a minute", async () => {
    const tries = async (headers: Record<string, string>) => {
      server.requests.length = 0;
      server.faults.push(answering(429, headers));
      const startMs = performance.now();
      await kilotune.models.list();
      return performance.now() - startMs;
    };
    expect(await tries({ "retry-after-ms": "120", "retry-after": "9" })).toBeGreaterThan(115);
    expect(await tries({ "retry-after": "0.15" })).toBeGreaterThan(145);
    expect(await tries({ "retry-after": new Date().toUTCString() })).toBeLessThan(1000);
    server.faults.push(answering(429, { "retry-after": "61" }));
    const error = await refusal(kilotune.models.list(), RateLimitError);
    expect(error.retryAfterMs).toBe(61_000);
  });

  it("end with the last refusal, and leave alone what the server says will stay so", async () => {
    server.faults.push(...Array(3).fill(answering(503, soon)));
    expect((await refusal(kilotune.models.list(), InternalServerError)).status).toBe(503);
    expect(server.requests).toHaveLength(3);
    for (const [status, headers] of [
      [429, { "x-should-retry": "false" }],
      [409, {}],
      [400, soon],
      [501, soon],
      [507, soon],
    ] as const) {
      server.requests.length = 0;
      server.faults.push(answering(status, headers));
      expect(await refusal(kilotune.models.list(), Error)).toMatchObject({ status });
      expect(server.requests, String(status)).toHaveLength(1);
    }
    server.faults.push(answering(409, { "x-should-retry": "true", ...soon }));
    await kilotune.models.list();
  });

  it("of a secret whose answer was lost say what was made, and leave no second one", async () => {
    const { admin } = clientWith({ apiKey: server.api.adminKey });
    const { id } = await kilotune.keys.create();
    const idsOf = async () => (await all(kilotune.keys.list({ limit: 100 }))).map((key) => key.id);
    for (const [create, list] of [
      [() => kilotune.keys.create({ name: "lost" }), idsOf],
      [() => kilotune.keys.rotate(id), idsOf],
      [
        () => admin.tenants.create({ name: "Lost" }),
        async () => (await all(admin.tenants.list({ limit: 100 }))).map((each) => each.id),
      ],
    ] as const) {
      const before = await list();
      server.faults.push(unheard);
      const error = await refusal<ConflictError>(create(), ConflictError);
      expect(error.code).toBe("already_made");
      expect((await list()).filter((each) => !before.includes(each))).toEqual([error.made]);
      expect(error.message).toContain(error.made);
      // One that never arrived is made by the next try.
      server.faults.push(dropped, answering(500, soon));
      await create().then(
        () => {},
        (reason) => expect(reason.message).toContain("rotated"),
      );
    }
  });

  it("don't repeat what would do harm twice: moves of an alias", async () => {
    for (const call of [
      () => kilotune.aliases.rollback("none"),
      () => kilotune.aliases.put("none", { model: "m" }, { ifMatch: '"1"' }),
    ]) {
      server.requests.length = 0;
      server.faults.push(unheard);
      await refusal(call(), ConnectionError);
      expect(server.requests).toHaveLength(1);
      server.faults.push(answering(500, soon));
      await refusal(call(), InternalServerError);
      expect(server.requests).toHaveLength(2);
    }
    // Refused before anything was done: that is asked for again.
    server.faults.push(answering(429, soon));
    await refusal(kilotune.aliases.rollback("none"), NotFoundError);
    expect(server.requests.at(-2)?.path).toBe(server.requests.at(-1)?.path);
  });

  it("heed the server's own words for a full queue", async () => {
    const { model } = server.api;
    server.api.model = overloaded();
    setTimeout(() => {
      server.api.model = model;
    }, 300);
    expect((await kilotune.embeddings({ model: "minilm-l6", input: "x" })).data).toHaveLength(1);
    expect(server.requests).toHaveLength(2);
  });
});

describe("bad lines", () => {
  it("that nobody answers on say so, with the reason", async () => {
    const error = await refusal(
      clientWith({ baseURL: "http://127.0.0.1:9", maxRetries: 0 }).models.list(),
      ConnectionError,
    );
    expect(error).toMatchObject({ code: "connection_failed", kind: "machine" });
    expect(error.message).toMatch(/refused|bad port/i);
  });

  it("with a body that stops, or is cut, are given up in time and tried again", async () => {
    const quick = clientWith({ timeoutMs: 200, maxRetries: 1 });
    for (const end of ["stall", "drop"] as const) {
      server.faults.push(cutAfter(12, end));
      expect((await quick.models.list()).data.length).toBeGreaterThan(0);
      server.faults.push(cutAfter(12, end), cutAfter(12, end));
      await refusal(quick.models.list(), end === "stall" ? TimeoutError : ConnectionError);
    }
  });

  it("under a download end it with a typed error, and a slow one isn't given up", async () => {
    const { id } = await newFile();
    const quick = clientWith({ timeoutMs: 200 });
    for (const end of ["stall", "drop"] as const) {
      server.faults.push(cutAfter(12, end));
      const answer = await quick.files.content(id);
      await refusal(answer.text(), end === "stall" ? TimeoutError : ConnectionError);
    }
    server.faults.push(async (next) => {
      const bytes = new Uint8Array(await (await next()).arrayBuffer());
      const body = new ReadableStream<Uint8Array>({
        async start(controller) {
          for (const at of [0, 1, 2, 3]) {
            controller.enqueue(bytes.subarray(20 * at, at === 3 ? undefined : 20 * at + 20));
            await new Promise((resolve) => setTimeout(resolve, 90));
          }
          controller.close();
        },
      });
      return new Response(body);
    });
    expect(await (await quick.files.content(id)).text()).toContain("refund me");
  });

  it("to some other server are told by status and type, never by its page", async () => {
    const page = "<html><title>Welcome to nginx</title></html>";
    server.faults.push(answering(200, { "content-type": "text/html" }, page));
    const wrong = await refusal(kilotune.models.list(), ConnectionError);
    expect(wrong).toMatchObject({ code: "unexpected_answer" });
    server.faults.push(answering(404, { "content-type": "text/html" }, page));
    const missing = await refusal(kilotune.models.list(), NotFoundError);
    expect(missing).toMatchObject({ code: "http_404", requestId: null });
    expect(`${wrong.message}${missing.message}`).not.toContain("nginx");
    server.faults.push(answering(302, { location: "https://example.com/" }, ""));
    await refusal(clientWith({ maxRetries: 0 }).models.list(), ConnectionError);
    expect(server.requests).toHaveLength(3);
  });
});

describe("an abort", () => {
  it("ends a call, a wait between tries, a download and a watch, each with the signal's reason", async () => {
    const { id } = await newFile();
    const reason = new Error("had enough");
    const signalAfter = (ms: number) => {
      const controller = new AbortController();
      setTimeout(() => controller.abort(reason), ms);
      return { signal: controller.signal };
    };
    server.faults.push(cutAfter(5, "stall"));
    await expect(kilotune.models.list(signalAfter(50))).rejects.toBe(reason);
    server.faults.push(answering(429, { "retry-after": "30" }));
    await expect(kilotune.models.list(signalAfter(50))).rejects.toBe(reason);
    server.faults.push(cutAfter(5, "stall"));
    const answer = await kilotune.files.content(id, signalAfter(100));
    await expect(answer.text()).rejects.toBe(reason);
    const job = await newJob();
    await expect(all(kilotune.jobs.watch(job.id, signalAfter(200)))).rejects.toBe(reason);
    server.requests.length = 0;
    await expect(kilotune.models.list({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(server.requests).toEqual([]);
  });
});

describe("watching a job", () => {
  const WORDS = ["Épocha 1 — 損失 0.7 🙂", "Эпоха 2\u2028", "損失 🙂🙂", "done\r\nagain"];

  async function toldJob(own: TestTenant) {
    const { service } = server.api;
    const { body: file } = await own.upload(`${ROWS}{"text":"${Math.random()}","label":"billing"}\n`);
    const request = { model: "minilm-l6", training_file: file.id };
    const { body } = await own.call("POST", "/v1/fine_tuning/jobs", request);
    await queueJob(service, own.id, body.id);
    await beginJob(service, own.id, body.id);
    const say = (message: string) => addJobEvent(service, own.id, body.id, { level: "info", message });
    const end = () =>
      finishJob(service, own.id, body.id, {
        status: "failed",
        error: { code: "stopped", message: "Enough.", param: null },
      });
    return { id: body.id as string, say, end };
  }

  it("tells events as they come, and ends with the job", async () => {
    const job = await toldJob(tenant);
    const heard: string[] = [];
    for await (const { message } of kilotune.jobs.watch(job.id)) {
      heard.push(message);
      if (message.startsWith("The job has started")) for (const words of WORDS) await job.say(words);
      if (message === WORDS.at(-1)) await job.end();
    }
    expect(heard).toEqual(expect.arrayContaining(WORDS));
    expect(server.requests.filter(({ path }) => path.includes("stream=true"))).toHaveLength(1);
  });

  it("loses and repeats no event over lines cut anywhere, in the middle of a character too", async () => {
    const job = await toldJob(tenant);
    for (const words of WORDS) await job.say(words);
    await job.end();
    const whole = await all(kilotune.jobs.watch(job.id));
    const path = `/v1/fine_tuning/jobs/${job.id}/events?stream=true`;
    const { text } = await tenant.call("GET", path);
    const insideSmile = Buffer.from(text.slice(0, text.indexOf("🙂"))).length + 2;
    const [opening, ...events] = text.split(/(?=id: )/);
    const at = events.findIndex((event) => event.includes("🙂"));
    const insideNext = Buffer.from(`${opening}${events[at]}id: ftev`).length;
    server.faults.push(
      answering(503, soon),
      cutAfter(insideSmile, "drop"),
      cutAfter(5, "drop"),
      cutAfter(insideNext, "drop"),
      // The server starts from the beginning: as a proxy would that drops queries.
      () => new Response(text),
    );
    server.requests.length = 0;
    expect(await all(kilotune.jobs.watch(job.id))).toEqual(whole);
    const after = server.requests.map(({ path }) => new URL(path, server.url).searchParams.get("after"));
    expect(after).toEqual([null, null, whole[at - 1]!.id, whole[at - 1]!.id, whole[at]!.id]);
    const { id } = whole[1]!;
    expect(await all(kilotune.jobs.watch(job.id, { after: id }))).toEqual(whole.slice(2));
  });

  it("takes a silent line for dead", async () => {
    const job = await toldJob(tenant);
    await job.end();
    server.faults.push(cutAfter(11, "stall"));
    const heard = await all(kilotune.jobs.watch(job.id, { timeoutMs: 150 }));
    expect(heard.length).toBeGreaterThan(0);
    expect(server.requests.length).toBeGreaterThan(1);
  });

  it("ends with an error where there is no such job, or the server stays away", async () => {
    await refusal(all(kilotune.jobs.watch("ftjob-none")), NotFoundError);
    const job = await newJob();
    server.faults.push(dropped, dropped);
    await refusal(all(kilotune.jobs.watch(job.id, { maxRetries: 1 })), ConnectionError);
  });

  it("counts as failures lines that ended after the greeting, not those that lived on", async () => {
    const job = await toldJob(tenant);
    await job.end();
    const line = (text: string) => () => new Response(text);
    const watch = () => all(kilotune.jobs.watch(job.id, { maxRetries: 1 }));
    server.faults.push(...Array(2).fill(line(": following\n\n")));
    await refusal(watch(), ConnectionError);
    server.faults.push(...Array(3).fill(line(": following\n\n: still there\n\n")));
    expect((await watch()).length).toBeGreaterThan(0);
  });

  it("may wait for ever", async () => {
    const { models } = clientWith({ timeoutMs: Number.POSITIVE_INFINITY, maxRetries: 0 });
    expect((await models.list()).data.length).toBeGreaterThan(0);
  });

  it("hangs up when the loop is left", async () => {
    const job = await newJob();
    let hungUp = false;
    server.faults.push(async (next) => {
      const answer = await next();
      const body = answer.body!.pipeThrough(
        new TransformStream({
          cancel: () => {
            hungUp = true;
          },
        } as Transformer<Uint8Array, Uint8Array>),
      );
      return new Response(body, answer);
    });
    const watching = kilotune.jobs.watch(job.id);
    const pending = watching.next();
    await addJobEvent(server.api.service, tenant.id, job.id as never, { level: "info", message: "Hello." });
    expect((await pending).done).toBe(false);
    await watching.return();
    await expect.poll(() => hungUp).toBe(true);
  });
});

describe("the key", () => {
  it("is in no error, whoever makes it, and in nothing that is printed", async () => {
    const { secret } = await createKey(server.api.service, tenant.id);
    const client = clientWith({ apiKey: secret, maxRetries: 0 });
    const errors: unknown[] = [];
    const gather = (call: PromiseLike<unknown>) => call.then(undefined, (error) => errors.push(error));
    server.faults.push(answering(500, {}, { error: { code: "x", message: `${secret} failed` } }), dropped);
    await gather(client.models.list());
    await gather(client.models.list());
    await gather(client.models.get(secret));
    await gather(client.classify({ model: secret, input: "a" }));
    const leaky: typeof fetch = async (_, init) => {
      const cause = new Error(`sent ${JSON.stringify(init)}`);
      throw Object.assign(new TypeError("fetch failed", { cause }), { request: init });
    };
    await gather(clientWith({ apiKey: secret, fetch: leaky, maxRetries: 0 }).models.list());
    for (const options of [{ apiKey: `${secret}\n` }, { apiKey: secret, baseURL: `http://${secret}@host` }]) {
      try {
        clientWith(options);
        expect.unreachable("it was accepted");
      } catch (error) {
        errors.push(error);
      }
    }
    expect(errors).toHaveLength(7);
    const printed = errors.map(
      (error) => `${inspect(error, { depth: 9, showHidden: true })} ${JSON.stringify(error)}`,
    );
    const everything = `${printed}${inspect(client, { depth: 9 })}${JSON.stringify(client)}`;
    expect(everything).not.toContain(secret);
    expect(everything).not.toContain(secret.slice(-20));
  });
});

describe("ids", () => {
  it("can't change the address", async () => {
    for (const id of ["", ".", "..", "\ud800"]) {
      expect(() => kilotune.files.delete(id), JSON.stringify(id)).toThrow("Expected an id");
    }
    for (const id of ["../models", "a/b", "?limit=1", "%2e%2e", "#", "a\\b", "é"]) {
      await refusal(kilotune.files.get(id), NotFoundError);
    }
    expect(server.requests.map(({ path }) => path.split("/").length)).toEqual(Array(7).fill(4));
  });
});
