import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { callsWith, openTestApi, type TestApi, tune } from "../testing.ts";

let api: TestApi;
let admin: ReturnType<typeof callsWith>;
beforeAll(async () => {
  api = await openTestApi();
  admin = callsWith(api, api.adminKey);
});
afterAll(() => api[Symbol.asyncDispose]());

describe("a tenant", () => {
  it("is made with its first key, which works at once", async () => {
    const { status, body } = await admin.call("POST", "/admin/tenants", {
      name: "Müller & Co",
      plan: "team",
    });
    expect(status).toBe(201);
    expect(body.tenant).toMatchObject({
      object: "tenant",
      name: "Müller & Co",
      plan: "team",
      status: "active",
    });
    expect(body.key.secret).toMatch(/^kt_/);
    const own = callsWith(api, body.key.secret);
    expect((await own.call("GET", "/v1/tenant")).body).toEqual(body.tenant);
    expect((await own.call("GET", "/v1/files")).body.data).toEqual([]);
  });

  it("has a name and a plan that there is", async () => {
    for (const body of [{}, { name: "" }, { name: "a\nb" }, { name: "x", plan: "gold" }, { nam: "x" }]) {
      expect((await admin.call("POST", "/admin/tenants", body)).status, JSON.stringify(body)).toBe(400);
    }
  });

  it("is changed, suspended, readmitted and listed", async () => {
    const tenant = await api.newTenant();
    const at = `/admin/tenants/${tenant.id}`;
    const changed = await admin.call("PATCH", at, { name: "New", limits: { jobs_at_once: 7 } });
    expect(changed.body).toMatchObject({ name: "New", limits: { jobs_at_once: 7 } });
    await admin.call("PATCH", at, { status: "suspended" });
    expect((await tenant.call("GET", "/v1/models")).status).toBe(403);
    await admin.call("PATCH", at, { status: "active" });
    expect((await tenant.call("GET", "/v1/models")).status).toBe(200);
    expect((await admin.call("GET", "/admin/tenants?limit=100")).text).toContain(tenant.id);
    expect((await admin.call("GET", "/admin/tenants?limit=1")).body.has_more).toBe(true);
  });

  it("gets keys from the platform, and loses them", async () => {
    const tenant = await api.newTenant();
    const keys = `/admin/tenants/${tenant.id}/keys`;
    const made = await admin.call("POST", keys, { scopes: ["infer"] });
    const next = await admin.call("POST", `${keys}/${made.body.id}/rotate`);
    expect((await admin.call("GET", keys)).body.data).toHaveLength(3);
    await admin.call("DELETE", `${keys}/${next.body.id}`);
    const own = callsWith(api, next.body.secret);
    expect((await own.call("POST", "/v1/embeddings", { model: "minilm-l6", input: "x" })).status).toBe(401);
    // A key of another tenant under this one's address is no key.
    const other = await api.newTenant();
    const foreign = (await admin.call("GET", `/admin/tenants/${other.id}/keys`)).body.data[0].id;
    expect((await admin.call("DELETE", `${keys}/${foreign}`)).status).toBe(404);
  });

  it("that deletes itself leaves no byte on the disk, and a line in the log of the platform", async () => {
    const tenant = await api.newTenant();
    const marks = ["zebracrossing", "violetumbrella", "sundaytrain"];
    const rows = `{"text":"zebracrossing","label":"violetumbrella"}\n{"text":"b","label":"c"}\n`;
    await tenant.upload(rows, "sundaytrain.jsonl");
    await tune(api, tenant);
    expect(await found(marks)).toEqual(marks);
    const gone = await tenant.call("DELETE", "/v1/tenant");
    expect(gone.body).toMatchObject({ id: tenant.id, object: "tenant", deleted: true });
    expect(gone.body.records).toBeGreaterThan(0);
    expect((await tenant.call("GET", "/v1/models")).status).toBe(401);
    expect((await admin.call("GET", `/admin/tenants/${tenant.id}`)).status).toBe(404);
    expect(await found(marks)).toEqual([]);
    const { body: log } = await admin.call("GET", "/admin/audit?limit=5");
    expect(JSON.stringify(log.data)).toContain(tenant.id);
  });

  it("takes everything it has along, without secrets", async () => {
    const tenant = await api.newTenant();
    await tenant.upload(`{"text":"zebra","label":"a"}\n{"text":"b","label":"c"}\n`);
    const { status, text, headers } = await tenant.call("GET", "/v1/export");
    expect([status, headers.get("content-type")]).toEqual([200, "application/x-tar"]);
    expect(text).toContain("records/file-1.jsonl");
    expect(text).toContain("zebra");
    expect(text).not.toContain("sha256");
    expect(text.length % 512).toBe(0);
  });

  it("is erased by the platform too", async () => {
    const tenant = await api.newTenant();
    expect((await admin.call("DELETE", `/admin/tenants/${tenant.id}`)).body.deleted).toBe(true);
    expect((await admin.call("DELETE", `/admin/tenants/${tenant.id}`)).status).toBe(404);
  });

  it("has a log of who did what", async () => {
    const tenant = await api.newTenant();
    await tenant.upload(`{"text":"a","label":"b"}\n{"text":"c","label":"d"}\n`);
    const { body } = await admin.call("GET", `/admin/audit?tenant=${tenant.id}`);
    expect(body.data[0]).toMatchObject({ object: "audit.entry", action: "file.created" });
    expect(body.data[0].by).toMatch(/^key-/);
    expect((await admin.call("GET", "/admin/audit?tenant=tn-nobody")).status).toBe(404);
  });

  it("sets a webhook, whose secret is shown once", async () => {
    const tenant = await api.newTenant();
    expect((await tenant.call("GET", "/v1/webhook")).status).toBe(404);
    const set = await tenant.call("PUT", "/v1/webhook", { url: "https://hooks.example.com/x" });
    expect(set.body.secret).toMatch(/^whsec_/);
    expect((await tenant.call("GET", "/v1/webhook")).text).not.toContain("whsec_");
    expect((await tenant.call("PUT", "/v1/webhook", { url: "ftp://x" })).status).toBe(400);
    expect((await tenant.call("PUT", "/v1/webhook", { url: "http://169.254.169.254/" })).status).toBe(400);
    expect((await tenant.call("DELETE", "/v1/webhook")).body.deleted).toBe(true);
  });
});

/** Which of the words are in any file of the store. */
async function found(words: string[]): Promise<string[]> {
  const names = await readdir(api.folder, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile());
  const contents = await Promise.all(
    files.map(
      async ({ parentPath, name }) => `${name} ${await readFile(path.join(parentPath, name), "latin1")}`,
    ),
  );
  return words.filter((word) => contents.some((content) => content.includes(word)));
}
