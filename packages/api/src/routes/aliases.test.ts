import { createHash } from "node:crypto";
import type { Job } from "@kilotune/service";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createApi } from "../create-api.ts";
import { type Answer, callsWith, openTestApi, type TestApi, type TestTenant, tune } from "../testing.ts";

let api: TestApi;
let tenant: TestTenant;
let jobs: Job[];
beforeAll(async () => {
  api = await openTestApi();
  tenant = await api.newTenant();
  jobs = [await tune(api, tenant), await tune(api, tenant)];
});
afterAll(() => api[Symbol.asyncDispose]());

const model = (at: number) => String(jobs[at]?.tunedModel);
const put = (name: string, body: object, headers: Record<string, string> = {}) =>
  tenant.call("PUT", `/v1/aliases/${name}`, body, headers);
const NEW = { "if-none-match": "*" };
const ifMatch = ({ headers }: Answer) => ({ "if-match": headers.get("etag") as string });

describe("an alias", () => {
  it("is made once, moved by its ETag, and rolled back", async () => {
    const made = await put("support", { model: model(0) }, NEW);
    expect(made.status).toBe(200);
    expect(made.body).toMatchObject({ object: "alias", id: "support", model: model(0), previous: null });
    expect((await put("support", { model: model(1) }, NEW)).status).toBe(412);

    const moved = await put("support", { model: model(1) }, ifMatch(made));
    expect(moved.status).toBe(200);
    expect(moved.headers.get("etag")).not.toBe(made.headers.get("etag"));
    expect(moved.body.previous.model).toBe(model(0));
    const asked = await tenant.call("POST", "/v1/classify", { model: "support", input: "x" });
    expect(asked.body.model).toBe(model(1));

    const back = await tenant.call("POST", "/v1/aliases/support/rollback", undefined, ifMatch(moved));
    expect([back.status, back.body.model]).toEqual([200, model(0)]);
    const seen = await tenant.call("GET", "/v1/aliases/support");
    expect([seen.headers.get("etag"), seen.body.model]).toEqual([back.headers.get("etag"), model(0)]);
  });

  it("isn't moved blindly, nor by a stale or strange ETag (mistral.rs: expected_generation)", async () => {
    const made = await put("desk", { model: model(0) }, NEW);
    const blind = await put("desk", { model: model(1) });
    expect([blind.status, blind.body.error.code]).toEqual([428, "precondition_required"]);
    for (const tag of ['"7"', '"0"', "1", "*", 'W/"1"', '"x"', '"1", "2"']) {
      const { status, body } = await put("desk", { model: model(1) }, { "if-match": tag });
      expect([status, body.error.code], tag).toEqual([412, "precondition_failed"]);
    }
    expect((await put("desk", { model: model(1) }, { ...ifMatch(made), ...NEW })).status).toBe(400);
    expect((await tenant.call("GET", "/v1/aliases/desk")).body.model).toBe(model(0));
  });

  it("moved by two at once is moved by one", async () => {
    const made = await put("race", { model: model(0) }, NEW);
    const moves = await Promise.all(
      Array.from({ length: 8 }, () => put("race", { model: model(1) }, ifMatch(made))),
    );
    expect(moves.map(({ status }) => status).sort()).toEqual([200, 412, 412, 412, 412, 412, 412, 412]);
  });

  it("may send a share of the calls elsewhere, the same for one user", async () => {
    await put("canary", { model: model(0), canary: { model: model(1), share: 0.5 } }, NEW);
    const ask = async (user: string) =>
      (await tenant.call("POST", "/v1/classify", { model: "canary", input: "x", user })).body.model;
    const answers = new Set<string>();
    for (let user = 0; user < 30; user++) {
      const answer = await ask(`u${user}`);
      expect(await ask(`u${user}`)).toBe(answer);
      answers.add(answer);
    }
    expect([...answers].sort()).toEqual([model(0), model(1)].sort());
    expect((await put("c2", { model: model(0), canary: { model: model(1), share: 2 } }, NEW)).status).toBe(
      400,
    );
  });

  it("points to what there is, and keeps it from being deleted", async () => {
    const wrong = await put("nowhere", { model: "ft:minilm-l6:abcdefghijklmnop::abcdefgh" }, NEW);
    expect([wrong.status, wrong.body.error.code]).toEqual([404, "model_not_found"]);
    const kept = await tenant.call("DELETE", `/v1/models/${encodeURIComponent(model(0))}`);
    expect([kept.status, kept.body.error.code]).toEqual([409, "model_in_use"]);
    expect(kept.headers.get("x-should-retry")).toBe("false");
    const other = await tune(api, tenant);
    const gone = await tenant.call("DELETE", `/v1/models/${encodeURIComponent(String(other.tunedModel))}`);
    expect(gone.body).toEqual({ id: other.tunedModel, object: "model", deleted: true });
    expect((await tenant.call("DELETE", "/v1/models/minilm-l6")).status).toBe(404);
  });

  it("is listed by name, and deleted", async () => {
    const { body } = await tenant.call("GET", "/v1/aliases?limit=2");
    expect(body.data.map(({ id }: { id: string }) => id)).toEqual(["canary", "desk"]);
    expect(body).toMatchObject({ has_more: true, last_id: "desk" });
    expect((await tenant.call("DELETE", "/v1/aliases/desk")).body.deleted).toBe(true);
    expect((await tenant.call("GET", "/v1/aliases/desk")).status).toBe(404);
  });
});

describe("models and prompts", () => {
  it("that aren't asked are read and deleted as themselves, whatever is in use (known fault 6)", async () => {
    const [asked, other] = [await tune(api, tenant), await tune(api, tenant)];
    const ask = () => tenant.call("POST", "/v1/classify", { model: asked.tunedModel, input: "x" });
    const before = (await ask()).text;
    const { text } = await tenant.call("GET", `/v1/prompts/${other.promptId}/content`);
    expect(createHash("sha256").update(text).digest("hex")).toBe(other.promptId);
    const gone = await tenant.call("DELETE", `/v1/models/${encodeURIComponent(other.tunedModel as string)}`);
    expect(gone.status).toBe(200);
    expect((await ask()).text).toBe(before);
  });

  it("are told gone only where they are: 404 for none, 5xx where the store fails (known fault 49)", async () => {
    const { tunedModel } = await tune(api, tenant);
    const address = `/v1/models/${encodeURIComponent(tunedModel as string)}`;
    const records = Object.create(api.service.records, {
      write: { value: () => Promise.reject(new Error("no room")) },
    });
    const failing = createApi({ service: { ...api.service, records }, inference: api.model, backbones: [] });
    const broken = callsWith({ fetch: async (request) => failing.fetch(request) }, tenant.key);
    expect((await broken.call("DELETE", address)).status).toBe(500);
    expect((await tenant.call("GET", address)).status).toBe(200);
    expect((await tenant.call("DELETE", address)).status).toBe(200);
    expect((await tenant.call("DELETE", address)).status).toBe(404);
  });

  it("are the shared backbones and one's own, and the files behind them", async () => {
    const { body } = await tenant.call("GET", "/v1/models");
    const ids = body.data.map(({ id }: { id: string }) => id);
    expect(ids).toEqual(expect.arrayContaining(["minilm-l6", model(0), model(1)]));
    expect((await tenant.call("GET", "/v1/models/minilm-l6")).body.owned_by).toBe("kilotune");
    const own = await tenant.call("GET", `/v1/models/${encodeURIComponent(model(0))}`);
    expect(own.body).toMatchObject({ id: model(0), object: "model", owned_by: tenant.id });
    const { body: prompts } = await tenant.call("GET", "/v1/prompts");
    const prompt = prompts.data.find(({ model: name }: { model: string }) => name === model(0));
    expect(prompt).toMatchObject({ object: "prompt", backbone: "minilm-l6", id: jobs[0]?.promptId });
    const content = await tenant.call("GET", `/v1/prompts/${prompt.id}/content`);
    expect(content.text).toBe(`prompt of ${jobs[0]?.id}`);
    expect(content.headers.get("content-length")).toBe(String(prompt.bytes));
  });
});
