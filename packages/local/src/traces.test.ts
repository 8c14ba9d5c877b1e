import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TinyBackbone } from "@kilotune/backbone/testing";
import { context, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Calls, callsWith, jobIs, newTenant, openTestServer, openTiny, toyFile } from "./testing.ts";
import { startTraces } from "./traces.ts";

let tiny: TinyBackbone;
beforeAll(async () => {
  tiny = await openTiny();
});
afterAll(() => tiny[Symbol.asyncDispose]());

/** In all that people choose or send, and in nothing else. */
const WORD = "qzsecretword";

/** All that leaves spans: a job, calls in all directions, a batch. Answers the job, the model and all that mustn't be in a span. */
async function walk(test: Awaited<ReturnType<typeof openTestServer>>) {
  const adminKey = test.server.adminKey ?? "";
  const desk: Calls = await newTenant(test, adminKey, `${WORD} Ltd`);
  const { body: key } = await desk.call("POST", "/v1/keys", { name: `${WORD}-key` });
  const calls = callsWith(test, key.secret);
  const labels = [`${WORD}-a`, `${WORD}-b`, `${WORD}-c`];
  const training_file = await calls.upload(toyFile(10, 2, labels), `${WORD}.jsonl`);
  const method = { type: "kv", kv: { hyperparameters: { n_epochs: 1, tokens: 2 } } };
  const asked = { model: "tiny", training_file, method, suffix: WORD, metadata: { [WORD]: WORD } };
  const { body: job } = await calls.call("POST", "/v1/fine_tuning/jobs", asked);
  const { fine_tuned_model: model } = await jobIs(calls, job.id, "succeeded");
  await calls.call("PUT", `/v1/aliases/${WORD}`, { model });
  const input = [`${WORD} is late`, "my card"];
  expect((await calls.call("POST", "/v1/classify", { model, input, user: WORD })).status).toBe(200);
  // What goes wrong too: no such model, an unknown field and a body that is none, a wrong key in each place.
  await calls.call("POST", "/v1/classify", { model: `ft:${WORD}`, input });
  await calls.call("POST", "/v1/classify", { [WORD]: 1 });
  await calls.call("GET", `/v1/${WORD}?api_key=${key.secret}`);
  for (const headers of [{ "x-api-key": `${key.secret}x` }, { authorization: `Basic ${key.secret}` }])
    await fetch(`${test.server.url}/v1/files/${WORD}`, { method: "POST", body: `{"${WORD}`, headers });
  const line = { custom_id: WORD, method: "POST", url: "/v1/classify", body: { model, input } };
  const input_file_id = await calls.upload(JSON.stringify(line), `${WORD}-batch.jsonl`, "batch");
  const ask = { input_file_id, endpoint: "/v1/classify", completion_window: "24h" };
  const { body: batch } = await calls.call("POST", "/v1/batches", ask);
  for (let left = 200, status = ""; status !== "completed" && left > 0; left--) {
    ({ status } = (await calls.call("GET", `/v1/batches/${batch.id}`)).body);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return {
    job: job.id as string,
    batch: batch.id as string,
    forbidden: [WORD, key.secret, key.secret.slice(-43), adminKey],
  };
}

describe("spans", () => {
  const exporter = new InMemorySpanExporter();
  let spans: readonly ReadableSpan[];
  let walked: Awaited<ReturnType<typeof walk>>;
  beforeAll(async () => {
    trace.setGlobalTracerProvider(
      new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }),
    );
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    const test = await openTestServer(tiny);
    walked = await walk(test);
    await test[Symbol.asyncDispose]();
    trace.disable();
    context.disable();
    spans = exporter.getFinishedSpans();
  });

  const named = (name: string) => spans.filter((span) => span.name === name);
  const idOf = (span: ReadableSpan) => span.spanContext().spanId;
  const below = (parent: ReadableSpan) =>
    spans.filter((span) => span.parentSpanContext?.spanId === idOf(parent));

  it("tell a call's way: who, which model, the wait, the passes, the metering", () => {
    const [call] = named("POST /v1/classify").filter(
      ({ attributes }) => attributes["http.response.status_code"] === 200,
    );
    expect(call?.attributes).toMatchObject({
      "http.request.method": "POST",
      "http.route": "/v1/classify",
      "kilotune.request": expect.stringMatching(/^req_/),
      "kilotune.tenant": expect.stringMatching(/^tn-/),
    });
    expect(call?.parentSpanContext).toBeUndefined();
    const steps = below(call as ReadableSpan);
    expect(steps.map(({ name }) => name).sort()).toEqual(
      ["authenticate", "meter", "passes", "prompts", "queue", "resolve model"].sort(),
    );
    const step = (name: string) => steps.find((span) => span.name === name) as ReadableSpan;
    expect(step("resolve model").attributes).toEqual({ "kilotune.backbone": "tiny" });
    expect(step("meter").attributes["kilotune.rows"]).toBe(2);
    expect(step("passes").attributes["kilotune.passes"]).toBeGreaterThan(0);
    // A pass is of many calls: it is linked to what each of them waits for.
    const links = named("pass").flatMap((pass) => pass.links.map((link) => link.context.spanId));
    expect(links).toContain(idOf(step("passes")));
  });

  it("tell a job's states and its wait for its turn, each a trace of its own", () => {
    for (const state of ["Validate", "Tune", "Evaluate", "Publish", "Notify"]) {
      const [span] = named(`job ${state}`);
      expect(span?.attributes, state).toMatchObject({ "kilotune.job": walked.job });
      expect(span?.parentSpanContext, state).toBeUndefined();
    }
    expect(below(named("job Tune")[0] as ReadableSpan).map(({ name }) => name)).toEqual(["turn"]);
    const [piece] = named("batch piece").filter((span) => below(span).length > 0);
    expect(piece?.attributes["kilotune.batch"]).toBe(walked.batch);
    expect(below(piece as ReadableSpan).map(({ name }) => name)).toContain("passes");
  });

  it("say what went wrong by its code, and call no refusal a failure", () => {
    const refused = spans.filter(({ attributes }) => attributes["http.response.status_code"] === 401);
    expect(refused.length).toBeGreaterThan(1);
    for (const { attributes, status } of refused) {
      expect(attributes["error.type"]).toBe("invalid_api_key");
      expect(status.code).toBe(0);
    }
    expect(named("resolve model").map(({ attributes }) => attributes["error.type"])).toContain(
      "model_not_found",
    );
  });

  it("hold no key, text, label, name or path that people chose", () => {
    expect(spans.length).toBeGreaterThan(50);
    const told = JSON.stringify(
      spans.map(({ name, attributes, events, links, status, resource }) => ({
        name,
        attributes,
        events,
        links,
        status,
        resource: resource.attributes,
      })),
    );
    for (const word of walked.forbidden) expect(told).not.toContain(word);
  });
});

describe("a collector", () => {
  /** Takes what OTLP sends, as JSON. */
  async function openCollector(status = 200) {
    const bodies: string[] = [];
    const paths: string[] = [];
    const server = createServer(async (request, response) => {
      let body = "";
      for await (const chunk of request.setEncoding("utf8")) body += chunk;
      bodies.push(body);
      paths.push(request.url ?? "");
      response.writeHead(status, { "content-type": "application/json" }).end("{}");
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return { url, bodies, paths, [Symbol.asyncDispose]: async () => void server.close() };
  }

  it("gets the spans of a server by OTLP, and no word of its tenants", async () => {
    await using collector = await openCollector();
    const test = await openTestServer(tiny, { traces: collector.url });
    const { forbidden } = await walk(test);
    await test[Symbol.asyncDispose]();
    expect(new Set(collector.paths)).toEqual(new Set(["/v1/traces"]));
    const resources = collector.bodies.flatMap((body) => JSON.parse(body).resourceSpans);
    expect(JSON.stringify(resources[0].resource)).toContain('"stringValue":"kilotune"');
    const names = resources.flatMap(({ scopeSpans }) =>
      scopeSpans.flatMap(({ spans }: { spans: { name: string }[] }) => spans.map(({ name }) => name)),
    );
    for (const name of ["POST /v1/classify", "authenticate", "queue", "passes", "pass", "meter", "job Tune"])
      expect(names).toContain(name);
    for (const word of forbidden) for (const body of collector.bodies) expect(body).not.toContain(word);
  });

  it("that refuses or is down is told to the operator, and holds up nobody", async () => {
    await using refusing = await openCollector(400);
    for (const traces of [refusing.url, "http://127.0.0.1:9/v1/traces"]) {
      const test = await openTestServer(tiny, { traces });
      expect((await fetch(`${test.server.url}/healthz`)).status).toBe(200);
      const startMs = performance.now();
      await test[Symbol.asyncDispose]();
      expect(performance.now() - startMs).toBeLessThan(10_000);
      expect(test.log.filter((line) => line.includes("traces_not_sent"))).toHaveLength(1);
    }
  });

  it("has an address; and one SDK a process is enough", async () => {
    for (const url of ["127.0.0.1:4318", "ftp://host", "http://user:pass@host", "http://host#x", ""])
      await expect(startTraces(url), url).rejects.toMatchObject({ code: "bad_traces_url" });
    const stop = await startTraces("http://127.0.0.1:9");
    await expect(startTraces("http://127.0.0.1:9")).rejects.toMatchObject({ code: "traces_taken" });
    await stop();
  });
});
