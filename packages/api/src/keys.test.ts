import { createKey, revokeKey, updateTenant } from "@kilotune/service";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { answered, callsWith, openTestApi, type TestApi, type TestTenant } from "./testing.ts";

let api: TestApi;
let tenant: TestTenant;
beforeAll(async () => {
  api = await openTestApi();
  tenant = await api.newTenant();
});
afterAll(() => api[Symbol.asyncDispose]());

const withHeaders = async (headers: Record<string, string>, path = "/v1/models") =>
  answered(await api.fetch(new Request(`http://api.test${path}`, { headers })));

/** A call's path and body. */
const MAKING_SECRETS: readonly (readonly [string, () => Promise<readonly [string, object]>])[] = [
  ["POST /v1/keys", async () => ["/v1/keys", { name: "web" }]],
  [
    "POST /v1/keys/{key}/rotate",
    async () => [`/v1/keys/${(await tenant.call("POST", "/v1/keys", {})).body.id}/rotate`, {}],
  ],
  ["POST /admin/tenants", async () => ["/admin/tenants", { name: "Lost" }]],
  ["POST /admin/tenants/{tenant}/keys", async () => [`/admin/tenants/${tenant.id}/keys`, { name: "web" }]],
];

describe.each(MAKING_SECRETS)("%s, asked for again", (_, target) => {
  it.each([
    ["with its idempotency key", () => ({ "idempotency-key": `a-${Math.random()}` }), {}],
    ["as OpenAI's clients do it", () => ({}), { "x-stainless-retry-count": "1" }],
  ])("%s, is a 409 that names what was made, not to be tried again", async (_how, headers, more) => {
    const [path, body] = await target();
    const who = path.startsWith("/admin") ? callsWith(api, api.adminKey) : tenant;
    const same = headers();
    const first = await who.call("POST", path, body, { "x-stainless-retry-count": "0", ...same });
    expect(first.status).toBeLessThan(300);
    const id = first.body.tenant?.id ?? first.body.id;
    const again = await who.call("POST", path, body, { ...same, ...more });
    expect([again.status, again.body.error.code, again.body.error.made]).toEqual([409, "already_made", id]);
    expect(again.body.error.message).toContain(id);
    expect(again.headers.get("x-should-retry")).toBe("false");
    expect(again.text).not.toContain("kt_");
  });
});

describe("keys", () => {
  it("are taken as bearer and as x-api-key, or as both where they are one", async () => {
    const bearer = { authorization: `Bearer ${tenant.key}` };
    const plain = { "x-api-key": tenant.key };
    for (const headers of [bearer, plain, { ...bearer, ...plain }]) {
      expect((await withHeaders(headers)).status).toBe(200);
    }
  });

  it("that are wrong, expired, revoked, cut, doubled or foreign read the same", async () => {
    const { service } = api;
    const short = await createKey(service, tenant.id, {
      expiresAt: Math.floor(service.clock.now().getTime() / 1000) + 2,
    });
    const revoked = await createKey(service, tenant.id);
    await revokeKey(service, tenant.id, revoked.key.id);
    const other = await api.newTenant();
    api.wait(3);
    const secret = (key: string) => key.slice(key.lastIndexOf("_"));
    const wrong: Record<string, string>[] = [
      {},
      { authorization: "Bearer " },
      { authorization: tenant.key },
      { authorization: `Basic ${btoa(tenant.key)}` },
      { authorization: `Bearer ${tenant.key.slice(0, -1)}` },
      { authorization: `Bearer ${tenant.key}${tenant.key}` },
      { authorization: `Bearer ${tenant.key}, Bearer ${tenant.key}` },
      { authorization: `Bearer ${tenant.key.replace(secret(tenant.key), secret(other.key))}` },
      { authorization: `Bearer ${short.secret}` },
      { authorization: `Bearer ${revoked.secret}` },
      { authorization: `Bearer ${tenant.key}`, "x-api-key": other.key },
      { authorization: "Bearer kt_abcdefghijklmnop.01h455vb4pex5vsknk084sn02q_x" },
      { "x-api-key": "__proto__" },
      { "api-key": tenant.key },
    ];
    const seen = new Set<string>();
    for (const headers of wrong) {
      for (const path of ["/v1/models", "/admin/tenants", "/metrics", "/v1/nothing"]) {
        const { status, text } = await withHeaders(headers, path);
        seen.add(`${status} ${text}`);
      }
    }
    expect([...seen]).toEqual([expect.stringMatching(/^401 .*"code":"invalid_api_key"/)]);
  });

  it("open what their scopes say, and the platform's own to nobody else", async () => {
    const { secret } = await createKey(api.service, tenant.id, { scopes: ["infer"] });
    const infer = callsWith(api, secret);
    const refused = await infer.call("GET", "/v1/files");
    expect([refused.status, refused.body.error.code]).toEqual([403, "insufficient_scope"]);
    expect((await infer.call("POST", "/v1/embeddings", { model: "minilm-l6", input: "x" })).status).toBe(200);
    expect((await tenant.call("GET", "/admin/tenants")).status).toBe(403);
    expect((await tenant.call("GET", "/metrics")).status).toBe(403);
    const admin = callsWith(api, api.adminKey);
    expect((await admin.call("GET", "/v1/files")).status).toBe(403);
    expect((await admin.call("DELETE", "/v1/tenant")).status).toBe(403);
  });

  it("rotate with overlap, and end when revoked", async () => {
    const made = await tenant.call("POST", "/v1/keys", { name: "ci", scopes: ["read"] });
    expect(made.body).toMatchObject({ object: "key", name: "ci", scopes: ["read"], revoked_at: null });
    const old = callsWith(api, made.body.secret);
    const next = await tenant.call("POST", `/v1/keys/${made.body.id}/rotate`);
    expect(next.status).toBe(200);
    expect((await old.call("GET", "/v1/models")).status).toBe(200);
    const now = await tenant.call("POST", `/v1/keys/${next.body.id}/rotate`, { overlap_seconds: 0 });
    expect((await callsWith(api, next.body.secret).call("GET", "/v1/models")).status).toBe(401);
    const last = callsWith(api, now.body.secret);
    expect((await tenant.call("DELETE", `/v1/keys/${now.body.id}`)).body.revoked_at).toBeGreaterThan(0);
    expect((await last.call("GET", "/v1/models")).status).toBe(401);
    const list = await tenant.call("GET", "/v1/keys");
    expect(list.text).not.toContain("secret");
    expect(list.text).not.toContain("sha256");
  });

  it("of a suspended tenant say so, once it's sure whose they are", async () => {
    const other = await api.newTenant();
    await updateTenant(api.service, other.id, { status: "suspended" });
    const { status, body } = await other.call("GET", "/v1/models");
    expect([status, body.error.code]).toEqual([403, "tenant_suspended"]);
  });

  it("appear in no line of the log, wherever they were put (edutelligence#358 and its kind)", async () => {
    const key = tenant.key;
    await withHeaders({ authorization: `Bearer ${key}` });
    await withHeaders({ authorization: `Basic ${key}` });
    await withHeaders({ "x-api-key": key, "api-key": key, cookie: key, "idempotency-key": key });
    await withHeaders({ authorization: `Bearer ${key}` }, `/v1/models?api_key=${key}`);
    await withHeaders({ authorization: `Bearer ${key}` }, `/v1/files/${key}`);
    await withHeaders({ authorization: `Bearer ${key}` }, `/${key}`);
    await tenant.call("POST", "/v1/classify", `{"model": "${key}", "input": ${key}}`);
    await tenant.call("POST", "/v1/classify", { model: key, input: "a secret text", [key]: 1 });
    expect(api.log.length).toBeGreaterThan(8);
    const tail = key.slice(-20);
    const lines = api.log.join("\n");
    for (const never of [key, tail, "a secret text", "Bearer"]) expect(lines).not.toContain(never);
    const { body } = await callsWith(api, api.adminKey).call("GET", "/admin/audit?limit=100");
    expect(JSON.stringify(body)).not.toContain(tail);
  });
});
