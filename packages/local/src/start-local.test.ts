import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import type { TinyBackbone } from "@kilotune/backbone/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addTenant, allTenants, rotateAdminKey } from "./admin.ts";
import { startLocal } from "./start-local.ts";
import {
  type Calls,
  callsWith,
  jobIs,
  newTenant,
  openTestServer,
  openTiny,
  type TestServer,
  toyFile,
} from "./testing.ts";

let tiny: TinyBackbone;
let test: TestServer;
let adminKey: string;
let desk: Calls;
beforeAll(async () => {
  tiny = await openTiny();
  test = await openTestServer(tiny);
  adminKey = test.server.adminKey ?? "";
  desk = await newTenant(test, adminKey);
});
afterAll(async () => {
  await test[Symbol.asyncDispose]();
  await tiny[Symbol.asyncDispose]();
});

const newJob = async (calls: Calls, epochs: number, labels?: readonly string[]) => {
  const training_file = await calls.upload(toyFile(10, epochs, labels));
  const method = { type: "kv", kv: { hyperparameters: { n_epochs: epochs, tokens: 2 } } };
  const { status, body } = await calls.call("POST", "/v1/fine_tuning/jobs", {
    model: "tiny",
    training_file,
    method,
  });
  expect(status).toBe(200);
  return body.id as string;
};

describe("a server", () => {
  it("tunes a file to a model, answers with it, and counts what it read", async () => {
    const id = await newJob(desk, 2);
    const { fine_tuned_model: model, result_files: results } = await jobIs(desk, id, "succeeded");
    expect(results).toHaveLength(3);
    expect(await desk.text(`/v1/files/${results[0]}/content`)).toMatch(/^step,train_loss,.*\n1,/);
    const { body } = await desk.call("POST", "/v1/classify", {
      model,
      input: ["my card is stolen", "courier late"],
    });
    expect(body.data).toHaveLength(2);
    expect(["card", "refund", "parcel"]).toContain(body.data[0].label);
    // [CLS] 4 words [SEP] and [CLS] 2 words [SEP].
    expect(body.usage.prompt_tokens).toBe(10);
    const embeddings = await desk.call("POST", "/v1/embeddings", {
      model: "tiny",
      input: "late",
      encoding_format: "float",
    });
    expect(embeddings.body.data[0].embedding).toHaveLength(32);
    expect(embeddings.body.usage.prompt_tokens).toBe(3);
    const usage = await desk.call("GET", "/v1/usage");
    const tokens = usage.body.data.reduce((sum: number, row: { tokens: number }) => sum + row.tokens, 0);
    expect(tokens).toBe(13);
  });

  it("takes a tenant's prompt as another's model, which answers the same; of another backbone it takes none", async () => {
    const id = await newJob(desk, 2);
    const { fine_tuned_model: model, prompt_id } = await jobIs(desk, id, "succeeded");
    const bytes = await desk.bytes(`/v1/prompts/${prompt_id}/content`);
    const other = await newTenant(test, adminKey, "Importer");
    const { status, body } = await other.importPrompt(bytes);
    expect(status).toBe(200);
    const input = ["my card is stolen", "courier late", "money back please"];
    const ask = async (calls: Calls, name: string) =>
      (await calls.call("POST", "/v1/classify", { model: name, input })).body.data;
    expect(await ask(other, body.model)).toEqual(await ask(desk, model));

    const head = bytes.toString("latin1");
    const weights = /weightsSha256\\?":\\?"([0-9a-f]{64})/.exec(head)?.[1] as string;
    const foreign = Buffer.from(head.replace(weights, "0".repeat(64)), "latin1");
    const refused = await other.importPrompt(foreign);
    expect([refused.status, refused.body.error.code]).toEqual([400, "backbone_mismatch"]);
    for (const hash of ["0".repeat(64), weights]) expect(refused.body.error.message).toContain(hash);
    for (const bad of [bytes.subarray(0, -1), Buffer.from("{}"), Buffer.alloc(0)])
      expect((await other.importPrompt(bad)).body.error.code).toBe("invalid_prompt");
  });

  it("keeps two tenants' labels apart, though they tune the same texts at once", async () => {
    const other = await newTenant(test, adminKey, "Other");
    const labels = { desk: ["d1", "d2", "d3"], other: ["o1", "o2", "o3"] };
    const ids = [await newJob(desk, 1, labels.desk), await newJob(other, 1, labels.other)] as const;
    const [a, b] = [await jobIs(desk, ids[0], "succeeded"), await jobIs(other, ids[1], "succeeded")];
    const ask = async (calls: Calls, model: string) =>
      (await calls.call("POST", "/v1/classify", { model, input: "my card is stolen" })).body.data[0].label;
    for (let round = 0; round < 10; round++) {
      const answers = await Promise.all([ask(desk, a.fine_tuned_model), ask(other, b.fine_tuned_model)]);
      expect(labels.desk).toContain(answers[0]);
      expect(labels.other).toContain(answers[1]);
    }
    const foreign = await desk.call("POST", "/v1/classify", { model: b.fine_tuned_model, input: "x" });
    expect(foreign.status).toBe(404);
  });

  it("pauses a job at a checkpoint, resumes it, and cancels it", async () => {
    const id = await newJob(desk, 100);
    await jobIs(desk, id, "running");
    await desk.call("POST", `/v1/fine_tuning/jobs/${id}/pause`);
    await desk.call("POST", `/v1/fine_tuning/jobs/${id}/resume`);
    await jobIs(desk, id, "running");
    await desk.call("POST", `/v1/fine_tuning/jobs/${id}/pause`);
    await jobIs(desk, id, "paused");
    await desk.call("POST", `/v1/fine_tuning/jobs/${id}/cancel`);
    expect((await jobIs(desk, id, "cancelled")).fine_tuned_model).toBeNull();
  });

  it("goes on with a job that a shutdown interrupted, and shows no second admin key", async () => {
    const id = await newJob(desk, 30);
    await jobIs(desk, id, "running");
    await test.restart();
    expect(test.server.adminKey).toBeUndefined();
    const job = await jobIs(desk, id, "succeeded");
    const { body } = await desk.call("GET", `/v1/fine_tuning/jobs/${id}/events?limit=100`);
    const told = body.data.map(({ message }: { message: string }) => message);
    expect(told).toContain("The job has started.");
    expect(told).toContain("The job goes on.");
    expect(
      (await desk.call("POST", "/v1/classify", { model: job.fine_tuned_model, input: "late" })).status,
    ).toBe(200);
  });

  it("tells Prometheus of prompts, passes and jobs", async () => {
    const answer = await fetch(`${test.server.url}/metrics`, {
      headers: { authorization: `Bearer ${adminKey}` },
    });
    const text = await answer.text();
    for (const line of [
      /kilotune_prompt_cache_entries\{backbone="tiny"\} \d/,
      /kilotune_jobs\{state="tuning"\} 0/,
    ])
      expect(text).toMatch(line);
  });

  it("logs no key, no text and no file's name", () => {
    const log = test.log.join("\n");
    expect(log).toContain('"route":"/v1/classify"');
    for (const secret of [adminKey.slice(-20), "stolen", "train.jsonl"]) expect(log).not.toContain(secret);
    expect(test.log.filter((line) => line.includes('"event":"fault"'))).toEqual([]);
  });
});

describe("a start", () => {
  const start = (data: string, port = 0, host = "127.0.0.1") =>
    startLocal({ data, port, host, backbones: [tiny] });

  it("on a folder that another server has is refused", async () => {
    await expect(start(path.join(test.folder, "data"))).rejects.toMatchObject({ code: "store_in_use" });
  });

  it("on a port in use is refused, and shows its key the next time", async () => {
    const data = path.join(test.folder, "second");
    const port = Number(new URL(test.server.url).port);
    await expect(start(data, port)).rejects.toMatchObject({ code: "port_in_use", kind: "usage" });
    const server = await start(data);
    expect(server.adminKey).toMatch(/^kt_/);
    await server.close();
  });

  it("in no folder, or on no address of this machine, is refused", async () => {
    const file = path.join(test.folder, "file");
    await writeFile(file, "");
    await expect(start(file)).rejects.toMatchObject({ code: "folder_not_writable" });
    await expect(start(path.join(test.folder, "third"), 0, "192.0.2.1")).rejects.toMatchObject({
      code: "bad_host",
    });
  });
});

describe("a full queue", () => {
  const embed = (bearer: string, signal: AbortSignal | null = null) =>
    fetch(`${test.server.url}/v1/embeddings`, {
      method: "POST",
      headers: { authorization: `Bearer ${bearer}`, "content-type": "application/json" },
      body: JSON.stringify({ model: "tiny", input: Array.from({ length: 500 }, () => "late door box") }),
      signal,
    });

  it("refuses with 429 and says when to come again; what it took it answers", async () => {
    const { secret } = await newTenantKey();
    // Each counts as one full pass of 32 rows: 32 of them fill the queue of 1,024.
    const answers = await Promise.all(Array.from({ length: 60 }, () => embed(secret)));
    const refused = answers.filter(({ status }) => status === 429);
    expect(answers.filter(({ status }) => status === 200).length + refused.length).toBe(60);
    expect(refused.length).toBeGreaterThan(0);
    for (const { headers } of refused) expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
    await Promise.all(answers.map((answer) => answer.arrayBuffer()));
    expect((await embed(secret)).status).toBe(200);
  });

  it("loses the rows of who hangs up", async () => {
    const { secret } = await newTenantKey();
    const line = new AbortController();
    const calls = Array.from({ length: 20 }, () => embed(secret, line.signal).catch(() => "hung up"));
    await new Promise((resolve) => setTimeout(resolve, 100));
    line.abort();
    await Promise.all(calls);
    await expect.poll(() => test.log.some((line) => line.includes('"status":499'))).toBe(true);
  });

  async function newTenantKey() {
    const { body } = await callsWith(test, adminKey).call("POST", "/admin/tenants", {
      name: "Q",
      plan: "business",
    });
    return body.key as { secret: string };
  }
});

describe("a shutdown", () => {
  it("answers what was accepted, ends followers and refuses what comes later", async () => {
    await using own = await openTestServer(tiny);
    const calls = await newTenant(own, own.server.adminKey ?? "");
    const id = await newJob(calls, 100);
    await jobIs(calls, id, "running");
    const following = fetch(`${own.server.url}/v1/fine_tuning/jobs/${id}/events?stream=true`).catch(
      () => "cut",
    );
    const input = Array.from({ length: 2000 }, () => "late door box");
    const answers = Array.from({ length: 8 }, () =>
      calls.call("POST", "/v1/embeddings", { model: "tiny", input }),
    );
    // Until they are there: a call that is still on the wire wasn't accepted.
    await new Promise((resolve) => setTimeout(resolve, 200));
    const closing = own.server.close();
    for (const { status } of await Promise.all(answers)) expect(status).toBe(200);
    await closing;
    await following;
    await expect(fetch(`${own.server.url}/healthz`)).rejects.toThrow();
  });
});

describe("a webhook to this machine", () => {
  it("is refused, unless the server was started to allow it; then a job's end arrives", async () => {
    const arrived = Promise.withResolvers<string>();
    const receiver = createServer((request, response) => {
      arrived.resolve(String(request.headers["webhook-signature"]));
      response.end();
    }).listen(0, "127.0.0.1");
    await once(receiver, "listening");
    const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
    const refused = await desk.call("PUT", "/v1/webhook", { url });
    expect([refused.status, refused.body.error.param]).toEqual([400, "url"]);

    await using own = await openTestServer(tiny, { webhooksToPrivateNetwork: true });
    const calls = await newTenant(own, own.server.adminKey ?? "");
    expect((await calls.call("PUT", "/v1/webhook", { url })).status).toBe(200);
    const id = await newJob(calls, 100);
    await calls.call("POST", `/v1/fine_tuning/jobs/${id}/cancel`);
    expect(await arrived.promise).toMatch(/^v1,/);
    receiver.close();
  });
});

describe("administration on the machine", () => {
  it("makes a new admin key, which alone is good, and tenants", async () => {
    await using own = await openTestServer(tiny);
    const old = own.server.adminKey ?? "";
    await expect(rotateAdminKey(own.folder)).rejects.toMatchObject({ code: "no_store" });
    const data = path.join(own.folder, "data");
    await expect(rotateAdminKey(data)).rejects.toMatchObject({ code: "store_in_use" });
    await own.server.close();
    const { secret } = await rotateAdminKey(data);
    const { tenant, key } = await addTenant(data, { name: "Acme", plan: "team" });
    expect((await allTenants(data)).map(({ id }) => id)).toEqual([tenant.id]);
    await own.restart();
    const status = async (bearer: string, route: string) =>
      (await callsWith(own, bearer).call("GET", route)).status;
    expect(await status(old, "/admin/tenants")).toBe(401);
    expect(await status(secret, "/admin/tenants")).toBe(200);
    expect(await status(key.secret, "/v1/models")).toBe(200);
  });
});
