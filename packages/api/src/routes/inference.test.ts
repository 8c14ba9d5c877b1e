import type { Job } from "@kilotune/service";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Inference } from "@kilotune/service";
import { openTestApi, overloaded, type TestApi, type TestTenant, tune } from "../testing.ts";

let api: TestApi;
let tenant: TestTenant;
let job: Job;
let echo: Inference;
beforeAll(async () => {
  api = await openTestApi({ inferenceMs: 60 });
  echo = api.model;
  tenant = await api.newTenant();
  job = await tune(api, tenant);
});
beforeEach(() => {
  api.model = echo;
});
afterAll(() => api[Symbol.asyncDispose]());

const classify = (fields: object, headers?: Record<string, string>) =>
  tenant.call("POST", "/v1/classify", { model: job.tunedModel, ...fields }, headers);
const embed = (fields: object) =>
  tenant.call("POST", "/v1/embeddings", { model: "minilm-l6", input: "abc", ...fields });

/** Never answers; ends with its signal. */
function stuck(onCall: (signal: AbortSignal) => void = () => {}): Inference {
  const wait = ({ signal }: { signal: AbortSignal }) => {
    onCall(signal);
    return new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  };
  return { classify: wait, estimate: wait, tag: wait, embed: wait };
}

describe("classify", () => {
  it("answers a row for each text, in order", async () => {
    const { status, body } = await classify({ input: ["a", "bc", "x".repeat(1001)] });
    const own = job.promptId?.slice(0, 8);
    expect(status).toBe(200);
    expect(body).toMatchObject({ object: "list", model: job.tunedModel });
    expect(body.data.map(({ index, label }: { index: number; label: string }) => [index, label])).toEqual([
      [0, `${own}:1`],
      [1, `${own}:2`],
      [2, `${own}:1001`],
    ]);
    expect(body.data.map(({ truncated }: { truncated: boolean }) => truncated)).toEqual([false, false, true]);
    expect(body.usage).toEqual({ prompt_tokens: 15, total_tokens: 15 });
  });

  it("takes one text, and a class named `__proto__`, as any other", async () => {
    const { text } = await classify({ input: "abc" });
    expect(text).toContain('"__proto__":0.25');
    expect((await classify({ input: "abc", top_k: 1 })).text).not.toContain("__proto__");
  });

  it("of a model that isn't there is a 404, and lists nothing afterwards (known fault 13)", async () => {
    const listed = async () => (await tenant.call("GET", "/v1/models")).body.data.length;
    const before = await listed();
    for (const model of ["ft:minilm-l6:nobody::abcdefgh", "/no/such/path", `${job.tunedModel}x`]) {
      const { status, body } = await classify({ model, input: "x" });
      expect([status, body.error.code], model).toEqual([404, "model_not_found"]);
    }
    expect(await listed()).toBe(before);
  });

  it("needs a tuned model: a backbone knows no labels", async () => {
    const { status, body } = await classify({ model: "minilm-l6", input: "x" });
    expect([status, body.error.code, body.error.param]).toEqual([400, "unsupported_model", "model"]);
  });

  it("of two tenants' models with one text is two answers (vllm#30931, LMCache#2961)", async () => {
    const other = await api.newTenant();
    const theirs = await tune(api, other);
    await tenant.call("PUT", "/v1/aliases/support", { model: job.tunedModel }, { "if-none-match": "*" });
    await other.call("PUT", "/v1/aliases/support", { model: theirs.tunedModel }, { "if-none-match": "*" });
    const calls = Array.from({ length: 64 }, async (_, at) => {
      const who = at % 2 === 0 ? tenant : other;
      const { body } = await who.call("POST", "/v1/classify", { model: "support", input: "same" });
      const { tunedModel, promptId } = at % 2 === 0 ? job : theirs;
      expect([body.model, body.data[0].label]).toEqual([tunedModel, `${promptId?.slice(0, 8)}:4`]);
    });
    await Promise.all(calls);
  });
});

describe("embeddings", () => {
  it("come as numbers, or as base64 of the same", async () => {
    const { body: floats } = await embed({ input: ["abc", "de"] });
    expect(floats.data.map(({ embedding }: { embedding: number[] }) => embedding)).toEqual([
      [3, 0.5, -1],
      [2, 0.5, -1],
    ]);
    const { body: packed } = await embed({ encoding_format: "base64" });
    const bytes = Buffer.from(packed.data[0].embedding, "base64");
    expect([0, 4, 8].map((at) => bytes.readFloatLE(at))).toEqual([3, 0.5, -1]);
  });

  it("aren't cut short, and take no token ids", async () => {
    expect((await embed({ dimensions: 3 })).status).toBe(200);
    expect((await embed({ dimensions: 2 })).body.error.param).toBe("dimensions");
    expect((await embed({ input: [1, 2, 3] })).body.error.param).toBe("input.0");
    expect((await embed({ encoding_format: "int8" })).status).toBe(400);
  });
});

describe("a call of a model", () => {
  it("is metered exactly, and only where it was answered", async () => {
    const other = await api.newTenant();
    const theirs = await tune(api, other);
    const call = (input: string[]) => other.call("POST", "/v1/classify", { model: theirs.tunedModel, input });
    await Promise.all(Array.from({ length: 20 }, () => call(["a", "b", "c"])));
    api.model = overloaded();
    await call(["a"]);
    const { body } = await other.call("GET", "/v1/usage");
    const day = body.data.find(({ model }: { model: string }) => model === theirs.tunedModel);
    expect(day).toMatchObject({ object: "usage.day", requests: 20, tokens: 300 });
  });

  it("that finds the queue full is told to come again", async () => {
    api.model = overloaded();
    const { status, headers, body } = await classify({ input: "x" });
    expect([status, body.error.code]).toEqual([429, "overloaded"]);
    expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
    expect(headers.get("x-should-retry")).toBe("true");
    expect(body.error.type).toBe("rate_limit_error");
  });

  it("has a deadline, and its rows are given up", async () => {
    let seen: AbortSignal | undefined;
    api.model = stuck((signal) => {
      seen = signal;
    });
    const { status, body } = await classify({ input: "x" });
    expect([status, body.error.code]).toEqual([504, "deadline_exceeded"]);
    expect(seen?.aborted).toBe(true);
  });

  it("ends with the client's line", async () => {
    const hangUp = new AbortController();
    api.model = stuck(() => hangUp.abort());
    const response = await api.fetch(
      new Request("http://api.test/v1/classify", {
        method: "POST",
        headers: { authorization: `Bearer ${tenant.key}`, "content-type": "application/json" },
        body: JSON.stringify({ model: job.tunedModel, input: "x" }),
        signal: hangUp.signal,
      }),
    );
    expect(response.status).toBe(499);
    expect(JSON.parse(api.log.at(-1) as string)).toMatchObject({ status: 499, level: "info" });
  });

  it("that breaks says so and nothing more", async () => {
    const secret = new Error("SQLITE_CORRUPT at /var/lib/kilotune: a secret text");
    const broken = () => Promise.reject(secret);
    api.model = { classify: broken, estimate: broken, tag: broken, embed: broken };
    const { status, text } = await classify({ input: "a secret text" });
    expect(status).toBe(500);
    expect(JSON.parse(text).error).toMatchObject({ type: "server_error", code: "internal_error" });
    for (const never of ["secret", "SQLITE", "/var", "at "]) expect(text).not.toContain(never);
    const line = api.log.at(-1) as string;
    expect(JSON.parse(line)).toMatchObject({ level: "error", error: { name: "Error" } });
    for (const never of ["secret", "SQLITE"]) expect(line).not.toContain(never);
  });

  it("counts against the tenant's minute: requests, and tokens by what was sent", async () => {
    const few = await api.newTenant({ requestsPerMinute: 3, tokensPerMinute: 50 });
    const call = (input: string) => few.call("POST", "/v1/embeddings", { model: "minilm-l6", input });
    const first = await call("x");
    expect(first.status).toBe(200);
    expect(first.headers.get("x-ratelimit-limit-requests")).toBe("3");
    expect(first.headers.get("x-ratelimit-remaining-requests")).toBe("2");
    expect(first.headers.get("x-ratelimit-reset-requests")).toMatch(/^\d+s$/);
    expect(Number(first.headers.get("x-ratelimit-remaining-tokens"))).toBeLessThan(50);
    const long = await call("x".repeat(400));
    expect([long.status, long.body.error.code]).toEqual([429, "rate_limit_exceeded"]);
    expect(long.body.error.message).toContain("50 tokens");
    await few.call("POST", "/v1/embeddings", "{");
    await few.call("GET", "/v1/models");
    const last = await call("x");
    expect([last.status, last.body.error.message]).toEqual([429, expect.stringContaining("3 requests")]);
    expect(Number(last.headers.get("retry-after"))).toBeLessThanOrEqual(60);
    expect(last.headers.get("x-ratelimit-remaining-requests")).toBe("0");
    api.wait(61);
    expect((await call("x")).status).toBe(200);
  });
});

describe("tag", () => {
  it("answers spans as places in UTF-16 units of the text as it was given", async () => {
    const { body: prompt } = await tenant.importPrompt("tags");
    const texts = ["👩🏽‍🚀 to <Kyo\u0301to> 👋", "إلى <القاهرة> غدا", "nothing here", "<日本>"];
    const { status, body } = await tenant.call("POST", "/v1/tag", { model: prompt.model, input: texts });
    expect(status).toBe(200);
    expect(body).toMatchObject({ object: "list", usage: { prompt_tokens: 20, total_tokens: 20 } });
    const found = body.data.map(({ spans }: { spans: { text: string }[] }) => spans.map(({ text }) => text));
    expect(found).toEqual([["<Kyo\u0301to>"], ["<القاهرة>"], [], ["<日本>"]]);
    const [{ spans }] = body.data;
    expect(texts[0]!.slice(spans[0].start, spans[0].end)).toBe(spans[0].text);
    const one = await tenant.call("POST", "/v1/tag", { model: prompt.model, input: texts[3] });
    expect(one.body.data).toEqual([{ ...body.data[3], index: 0 }]);
  });

  it("is refused of a model of another task, which says where it answers; and the other way round", async () => {
    const { status, body } = await tenant.call("POST", "/v1/tag", { model: job.tunedModel, input: "x" });
    expect([status, body.error.code, body.error.param]).toEqual([400, "unsupported_model", "model"]);
    expect(body.error.message).toContain("POST /v1/classify");
    const { body: prompt } = await tenant.importPrompt("tags too");
    const other = await classify({ model: prompt.model, input: "x" });
    expect([other.status, other.body.error.code]).toEqual([400, "unsupported_model"]);
    expect(other.body.error.message).toContain("POST /v1/tag");
  });

  it("takes texts alone, no pairs", async () => {
    const input = [{ text: "a", text_pair: "b" }];
    const { status } = await tenant.call("POST", "/v1/tag", { model: job.tunedModel, input });
    expect(status).toBe(400);
  });
});

describe("what no backbone here can do", () => {
  it("is a clear 501 that names what one can", async () => {
    for (const path of ["/v1/chat/completions", "/v1/completions"]) {
      const { status, body, headers } = await tenant.call("POST", path, { model: "minilm-l6", messages: [] });
      expect([status, body.error.code], path).toEqual([501, "not_implemented"]);
      expect(body.error.message).toContain("minilm-l6 can classify, embeddings");
      expect(headers.get("x-should-retry")).toBe("false");
    }
  });
});
