import { createKey } from "@kilotune/service";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createApi } from "../create-api.ts";
import { callsWith, openTestApi, type TestApi, type TestTenant, tune } from "../testing.ts";

let api: TestApi;
let tenant: TestTenant;
beforeAll(async () => {
  api = await openTestApi({ promptBytes: 1000 });
  tenant = await api.newTenant();
});
afterAll(() => api[Symbol.asyncDispose]());

describe("a prompt's file", () => {
  it("goes from one tenant to another as a model that answers there", async () => {
    const { promptId } = await tune(api, tenant);
    const { text } = await tenant.call("GET", `/v1/prompts/${promptId}/content`);
    const other = await api.newTenant();
    const { status, body } = await other.importPrompt(text, { suffix: "desk" });
    expect([status, body]).toEqual([
      200,
      {
        id: promptId,
        object: "prompt",
        created_at: expect.any(Number),
        model: expect.stringMatching(/^ft:minilm-l6:[a-z]{16}:desk:[a-z]{8}$/),
        backbone: "minilm-l6",
        bytes: text.length,
      },
    ]);
    const asked = await other.call("POST", "/v1/classify", { model: body.model, input: "four" });
    expect(asked.body.data[0].label).toBe(`${promptId?.slice(0, 8)}:4`);
    expect((await other.call("GET", "/v1/prompts")).body.data).toEqual([body]);
    expect((await other.call("GET", "/v1/models")).text).toContain(body.model);
    expect((await other.call("GET", "/v1/usage")).body.stored_bytes).toBe(text.length);
    expect((await other.importPrompt(text, { suffix: "desk" })).body).toEqual(body);
    expect((await tenant.call("GET", `/v1/models/${encodeURIComponent(body.model)}`)).status).toBe(404);
    expect((await other.call("DELETE", `/v1/models/${encodeURIComponent(body.model)}`)).status).toBe(200);
    expect((await other.call("GET", "/v1/usage")).body.stored_bytes).toBe(0);
  });

  it("that is bad, too large, missing or sent with strange fields is refused by name", async () => {
    for (const [content, fields, status, code, param] of [
      ["{}", {}, 400, "invalid_prompt", "file"],
      ["x".repeat(1001), {}, 413, "file_too_large", null],
      ["x", { suffix: "a b" }, 400, "invalid_request", "suffix"],
      ["x", { suffix: "a:b" }, 400, "invalid_request", "suffix"],
      ["x", { suffix: "x".repeat(65) }, 400, "invalid_request", "suffix"],
      ["x", { tenant: "tn-a" }, 400, "invalid_request", "tenant"],
      ["x", { __proto__x: "1" }, 400, "invalid_request", "__proto__x"],
    ] as const) {
      const answer = await tenant.importPrompt(content, fields);
      expect([answer.status, answer.body.error.code, answer.body.error.param]).toEqual([status, code, param]);
    }
    const json = await tenant.call("POST", "/v1/prompts", {});
    expect(json.status).toBe(415);
  });

  it("counts against the plan, and needs the scope tune", async () => {
    const poor = await api.newTenant({ prompts: 1 });
    expect((await poor.importPrompt("one")).status).toBe(200);
    const { status, body } = await poor.importPrompt("two");
    expect([status, body.error.code]).toEqual([429, "exceeded_quota"]);
    const { secret } = await createKey(api.service, tenant.id, { scopes: ["infer", "read"] });
    expect((await callsWith(api, secret).importPrompt("x")).status).toBe(403);
    expect((await callsWith(api, undefined).importPrompt("x")).status).toBe(401);
  });

  it("imported by many at once is one model each", async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, at) => tenant.importPrompt(`p${at % 4}`)),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(answers.map(({ body }) => body.model)).size).toBe(4);
  });

  it("isn't taken where nobody can judge it", async () => {
    const bare = createApi({ service: api.service, inference: api.model, backbones: [] });
    const { status, body } = await callsWith(
      { fetch: async (request) => bare.fetch(request) },
      tenant.key,
    ).importPrompt("x");
    expect([status, body.error.code]).toEqual([501, "not_implemented"]);
  });
});
