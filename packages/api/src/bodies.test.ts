import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { answered, openTestApi, type TestApi, type TestTenant } from "./testing.ts";

let api: TestApi;
let tenant: TestTenant;
beforeAll(async () => {
  api = await openTestApi({ jsonBytes: 100_000, bodyTimeoutMs: 150 });
  tenant = await api.newTenant();
});
afterAll(() => api[Symbol.asyncDispose]());

async function send(body: BodyInit | null, headers: Record<string, string> = {}) {
  const request = new Request("http://api.test/v1/classify", {
    method: "POST",
    body,
    headers: {
      authorization: `Bearer ${tenant.key}`,
      "content-type": "application/json",
      ...headers,
    },
    // Node's, for bodies that stream.
    ...({ duplex: "half" } as object),
  });
  return answered(await api.fetch(request));
}

const told = async (body: BodyInit | null, headers?: Record<string, string>) => {
  const { status, body: answer } = await send(body, headers);
  return [status, answer.error.code];
};

const REQUEST = { model: "minilm-l6", input: "x" };

describe("a JSON body", () => {
  it("must be there, be JSON, and be UTF-8", async () => {
    const valid = JSON.stringify(REQUEST);
    expect(await told(null)).toEqual([400, "invalid_json"]);
    expect(await told("")).toEqual([400, "invalid_json"]);
    expect(await told("{")).toEqual([400, "invalid_json"]);
    expect(await told("[1,2")).toEqual([400, "invalid_json"]);
    expect(await told("NaN")).toEqual([400, "invalid_json"]);
    expect(await told(Buffer.from(valid, "utf16le"))).toEqual([400, "invalid_json"]);
    expect(await told(Buffer.from('{"model":"\xff"}', "latin1"))).toEqual([400, "invalid_json"]);
    expect(await told("null")).toEqual([400, "invalid_request"]);
    expect(await told("[]")).toEqual([400, "invalid_request"]);
    expect(await told('"text"')).toEqual([400, "invalid_request"]);
    // A byte-order mark is no fault: PowerShell writes it.
    expect(await told(`\ufeff${valid}`)).toEqual([400, "unsupported_model"]);
  });

  it("isn't quoted by its error, as JSON.parse would", async () => {
    const { text } = await send('{"input": my secret text}');
    expect(text).toContain("isn't JSON");
    expect(text).not.toContain("secret");
  });

  it("must say that it is JSON", async () => {
    for (const type of [
      "text/plain",
      "application/x-www-form-urlencoded",
      "application/json; charset=utf-16",
    ]) {
      expect(await told(JSON.stringify(REQUEST), { "content-type": type })).toEqual([
        415,
        "unsupported_media_type",
      ]);
    }
    const utf8 = { "content-type": 'application/json; charset="UTF-8"' };
    expect(await told(JSON.stringify(REQUEST), utf8)).toEqual([400, "unsupported_model"]);
  });

  it("has a cap, by its length as told and by its length as it comes", async () => {
    expect(await told("x".repeat(100_001))).toEqual([413, "body_too_large"]);
    expect(await told("{}", { "content-length": "629145600" })).toEqual([413, "body_too_large"]);
    let pulled = 0;
    const endless = new ReadableStream({
      pull(controller) {
        pulled += 1;
        controller.enqueue(new Uint8Array(10_000));
      },
    });
    expect(await told(endless)).toEqual([413, "body_too_large"]);
    expect(pulled).toBeLessThan(20);
  });

  it("may not be compressed: ten kilobytes of gzip may be ten megabytes of blanks", async () => {
    const bomb = gzipSync(Buffer.alloc(10_000_000, " "));
    expect(bomb.length).toBeLessThan(20_000);
    for (const encoding of ["gzip", "br", "deflate", "GZIP", "gzip, identity"]) {
      expect(await told(bomb, { "content-encoding": encoding })).toEqual([415, "unsupported_encoding"]);
    }
    const plain = { "content-encoding": "identity" };
    expect(await told(JSON.stringify(REQUEST), plain)).toEqual([400, "unsupported_model"]);
  });

  it("may not dawdle", async () => {
    const slow = new ReadableStream({
      async pull(controller) {
        await new Promise((done) => setTimeout(done, 40));
        controller.enqueue(new TextEncoder().encode(" "));
      },
    });
    expect(await told(slow)).toEqual([408, "request_timeout"]);
  });

  it("has no key `__proto__`, however it is written and however deep", async () => {
    for (const body of [
      '{"model":"minilm-l6","input":"x","__proto__":{"isAdmin":true}}',
      '{"model":"minilm-l6","input":["x"],"user":{"a":[{"\\u005f_proto__":1}]}}',
      `${'{"a":'.repeat(5000)}{"__proto__":1}${"}".repeat(5000)}`,
    ]) {
      expect(await told(body)).toEqual([400, "invalid_json"]);
    }
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
    // As a value it is a word like any other.
    const word = await tenant.call("POST", "/v1/embeddings", { model: "minilm-l6", input: "__proto__" });
    expect(word.status).toBe(200);
  });

  it("may be a thousand brackets deep without harm", async () => {
    const deep = `${"[".repeat(40_000)}${"]".repeat(40_000)}`;
    expect(await told(deep)).toEqual([400, "invalid_request"]);
  });

  it("is told what is wrong with it, and where", async () => {
    const error = async (body: unknown) => (await send(JSON.stringify(body))).body.error;
    expect(await error({ ...REQUEST, input: ["a", 5] })).toMatchObject({ param: "input.1" });
    expect(await error({ ...REQUEST, input: ["a", ""] })).toMatchObject({ param: "input.1" });
    expect(await error({ ...REQUEST, input: " \n" })).toMatchObject({ param: "input" });
    expect(await error({ ...REQUEST, input: "\ud83d" })).toMatchObject({ param: "input" });
    expect(await error({ ...REQUEST, input: [] })).toMatchObject({ param: "input" });
    expect(await error({ ...REQUEST, input: [[1, 2]] })).toMatchObject({ param: "input.0" });
    expect(await error({ ...REQUEST, topk: 3 })).toMatchObject({
      param: null,
      message: expect.stringContaining("topk"),
    });
    expect(await error({ ...REQUEST, model: "x\ny" })).toMatchObject({ param: "model" });
    const many = await error({ ...REQUEST, input: Array.from({ length: 10_000 }, () => "x") });
    expect(many).toMatchObject({ param: "input", message: expect.stringContaining("2048") });
  });

  it("leaves the next call as it was", async () => {
    expect((await tenant.call("GET", "/v1/models")).status).toBe(200);
    expect(api.log.filter((line) => JSON.parse(line).status >= 500)).toEqual([]);
  });
});
