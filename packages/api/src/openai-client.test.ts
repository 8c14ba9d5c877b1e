import { once } from "node:events";
import { createServer, type IncomingMessage, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { revokeKey } from "@kilotune/service";
import OpenAI, { toFile } from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openTestApi, overloaded, ROWS, type TestApi, type TestTenant, tune } from "./testing.ts";

/** The official client over a real connection: what it makes of our answers is what counts. */
let api: TestApi;
let tenant: TestTenant;
let server: Server;
let origin: string;
let client: OpenAI;
beforeAll(async () => {
  api = await openTestApi();
  tenant = await api.newTenant();
  server = createServer(getRequestListener(api.fetch)).listen(0, "127.0.0.1");
  await once(server, "listening");
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  client = clientWith(tenant.key);
});
afterAll(async () => {
  server.close();
  server.closeAllConnections();
  await api[Symbol.asyncDispose]();
});

const clientWith = (apiKey: string) => new OpenAI({ apiKey, baseURL: `${origin}/v1`, maxRetries: 0 });

describe("the official client", () => {
  it("uploads, tunes, follows, lists, embeds, classifies and deletes (journey 1)", async () => {
    const file = await client.files.create({
      file: await toFile(Buffer.from(ROWS), "train.jsonl"),
      purpose: "fine-tune",
    });
    expect(file).toMatchObject({ object: "file", bytes: ROWS.length, filename: "train.jsonl" });
    expect(await (await client.files.content(file.id)).text()).toBe(ROWS);

    const created = await client.fineTuning.jobs.create({ model: "minilm-l6", training_file: file.id });
    expect(created.status).toBe("validating_files");
    await client.fineTuning.jobs.cancel(created.id);

    const job = await tune(api, tenant);
    const seen = await client.fineTuning.jobs.retrieve(job.id);
    expect(seen).toMatchObject({ status: "succeeded", fine_tuned_model: job.tunedModel });
    const events: string[] = [];
    for await (const event of client.fineTuning.jobs.listEvents(job.id, { limit: 2 })) {
      events.push(event.message);
    }
    expect(events.length).toBeGreaterThan(2);
    const jobs: string[] = [];
    for await (const each of client.fineTuning.jobs.list({ limit: 1 })) jobs.push(each.id);
    expect(jobs).toEqual([job.id, created.id]);
    expect((await client.fineTuning.jobs.checkpoints.list(job.id)).data).toEqual([]);

    const models: string[] = [];
    for await (const model of client.models.list()) models.push(model.id);
    expect(models).toEqual(["minilm-l6", job.tunedModel]);
    expect((await client.models.retrieve(String(job.tunedModel))).owned_by).toBe(tenant.id);

    const vectors = await client.embeddings.create({ model: "minilm-l6", input: ["abc", "de"] });
    expect(vectors.data.map(({ embedding }) => embedding)).toEqual([
      [3, 0.5, -1],
      [2, 0.5, -1],
    ]);
    const answer = await client.post<{ data: { label: string }[] }>("/classify", {
      body: { model: job.tunedModel, input: "abc" },
    });
    expect(answer.data[0]?.label).toBe(`${job.promptId?.slice(0, 8)}:3`);

    expect(await client.models.delete(String(job.tunedModel))).toMatchObject({ deleted: true });
    expect(await client.files.delete(file.id)).toMatchObject({ deleted: true });
    const files: string[] = [];
    for await (const each of client.files.list()) files.push(each.id);
    expect(files).not.toContain(file.id);
  });

  it("uploads in parts", async () => {
    const upload = await client.uploads.create({
      bytes: ROWS.length,
      filename: "parts.jsonl",
      mime_type: "application/jsonl",
      purpose: "fine-tune",
    });
    const part = await client.uploads.parts.create(upload.id, { data: await toFile(Buffer.from(ROWS)) });
    const done = await client.uploads.complete(upload.id, { part_ids: [part.id] });
    expect(done).toMatchObject({ status: "completed", file: { filename: "parts.jsonl" } });
  });

  it("raises its own classes, with our words", async () => {
    const rejected = async (promise: Promise<unknown>) => {
      const error = await promise.then(
        () => expect.fail("expected a refusal"),
        (error) => error,
      );
      expect(error).toBeInstanceOf(OpenAI.APIError);
      expect(error.requestID).toMatch(/^req_/);
      return error;
    };
    const notFound = await rejected(client.files.retrieve("file-nobody"));
    expect(notFound).toBeInstanceOf(OpenAI.NotFoundError);
    expect(notFound.code).toBe("not_found");
    const bad = await rejected(
      client.files.create({ file: await toFile(Buffer.from("not json\n"), "x.jsonl"), purpose: "fine-tune" }),
    );
    expect(bad).toBeInstanceOf(OpenAI.BadRequestError);
    expect([bad.code, bad.param]).toEqual(["invalid_training_file", "file"]);
    expect(bad.error.issues[0]).toMatchObject({ line: 1 });
    const { body: made } = await tenant.call("POST", "/v1/keys", {});
    await revokeKey(api.service, tenant.id, made.id);
    expect(await rejected(clientWith(made.secret).models.list())).toBeInstanceOf(OpenAI.AuthenticationError);
    const { body: reader } = await tenant.call("POST", "/v1/keys", { scopes: ["read"] });
    const read = clientWith(reader.secret).embeddings.create({ model: "minilm-l6", input: "x" });
    expect(await rejected(read)).toBeInstanceOf(OpenAI.PermissionDeniedError);
    const chat = client.chat.completions.create({ model: "minilm-l6", messages: [] });
    expect(await rejected(chat)).toBeInstanceOf(OpenAI.InternalServerError);
    const model = api.model;
    api.model = overloaded();
    const full = await rejected(client.embeddings.create({ model: "minilm-l6", input: "x" }));
    api.model = model;
    expect(full).toBeInstanceOf(OpenAI.RateLimitError);
    expect(full.headers.get("retry-after")).toBe("1");
  });

  it("repeats what may succeed the next time, and nothing else", async () => {
    const patient = new OpenAI({ apiKey: tenant.key, baseURL: `${origin}/v1`, maxRetries: 1 });
    const count = () => api.log.length;
    const before = count();
    await patient.models.delete("ft:minilm-l6:abcdefghijklmnop::abcdefgh").catch(() => {});
    await patient.chat.completions.create({ model: "minilm-l6", messages: [] }).catch(() => {});
    expect(count() - before).toBe(2);
    const model = api.model;
    let calls = 0;
    api.model = {
      ...model,
      embed: (call) => {
        calls += 1;
        if (calls > 1) return model.embed(call);
        return overloaded().embed(call);
      },
    };
    await patient.embeddings.create({ model: "minilm-l6", input: "x" });
    api.model = model;
    expect(calls).toBe(2);
  });
});

describe("a real connection", () => {
  const post = (path: string, headers: Record<string, string | number>) =>
    request(`${origin}${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${tenant.key}`, "content-type": "application/json", ...headers },
    });
  const answerOf = async (call: ReturnType<typeof post>) => {
    const [response] = (await once(call, "response")) as [IncomingMessage];
    let text = "";
    for await (const chunk of response) text += chunk;
    return { status: response.statusCode, code: JSON.parse(text).error.code };
  };

  it("hears of a body of 600 MB that it is too large before it sends it", async () => {
    const call = post("/v1/classify", { "content-length": 600 * 2 ** 20 });
    call.on("error", () => {});
    call.write("{");
    expect(await answerOf(call)).toEqual({ status: 413, code: "body_too_large" });
    call.destroy();
    expect((await client.models.list()).data.length).toBeGreaterThan(0);
  });

  it("that ends in the middle of an upload leaves nothing, and the next call works", async () => {
    const call = post("/v1/files", { "content-type": "multipart/form-data; boundary=b" });
    call.on("error", () => {});
    call.write(`--b\r\ncontent-disposition: form-data; name="file"; filename="x.jsonl"\r\n\r\n${ROWS}`);
    await new Promise((done) => setTimeout(done, 50));
    const lines = api.log.length;
    call.destroy();
    while (api.log.length === lines) await new Promise((done) => setTimeout(done, 5));
    expect(JSON.parse(api.log.at(-1) as string)).toMatchObject({ level: "info", route: "/v1/files" });
    const { data } = await client.files.list();
    expect(data.map(({ filename }) => filename)).not.toContain("x.jsonl");
  });

  it("that ends while the model works takes its rows out", async () => {
    const model = api.model;
    const seen = Promise.withResolvers<AbortSignal>();
    api.model = {
      ...model,
      embed: ({ signal }) => {
        seen.resolve(signal);
        return new Promise(() => {});
      },
    };
    const body = JSON.stringify({ model: "minilm-l6", input: "x" });
    const call = post("/v1/embeddings", { "content-length": body.length });
    call.on("error", () => {});
    call.end(body);
    const signal = await seen.promise;
    call.destroy();
    if (!signal.aborted) await once(signal, "abort");
    api.model = model;
    expect(signal.aborted).toBe(true);
  });
});
