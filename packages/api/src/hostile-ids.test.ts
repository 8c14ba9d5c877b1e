import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { callsWith, openTestApi, ROWS, type TestApi, type TestTenant, tune } from "./testing.ts";

/**
 * "Every route with every foreign id, random id and malformed id: same 404 or 400, byte-equal bodies apart from the
 * request id" (julep-ai/julep#1615 and its kind: a lookup by id without the tenant).
 */
let api: TestApi;
let operations: { method: string; path: string }[];
let owner: TestTenant;
let stranger: TestTenant;
/** What the owner has, by the parameter's place in the path. */
const owned: Record<string, string[]> = {};

beforeAll(async () => {
  api = await openTestApi();
  const { body } = await callsWith(api, undefined).call("GET", "/openapi.json");
  operations = Object.entries(body.paths)
    .flatMap(([path, methods]) => Object.keys(methods as object).map((method) => ({ method, path })))
    .filter(({ path }) => path.includes("{"));
  owner = await api.newTenant();
  stranger = await api.newTenant();
  const file = await owner.upload(ROWS);
  const job = await tune(api, owner);
  const upload = await owner.call("POST", "/v1/uploads", {
    bytes: 10,
    filename: "a.jsonl",
    mime_type: "text/plain",
    purpose: "fine-tune",
  });
  const line = '{"custom_id":"1","method":"POST","url":"/v1/embeddings","body":{}}\n';
  const requests = await owner.upload(line, "in.jsonl", "batch");
  const batch = await owner.call("POST", "/v1/batches", {
    input_file_id: requests.body.id,
    endpoint: "/v1/embeddings",
    completion_window: "24h",
  });
  await owner.call("PUT", "/v1/aliases/secret-name", { model: job.tunedModel }, { "if-none-match": "*" });
  const keys = await owner.call("GET", "/v1/keys");
  owned["/v1/files"] = [file.body.id];
  owned["/v1/fine_tuning"] = [job.id];
  owned["/v1/uploads"] = [upload.body.id];
  owned["/v1/models"] = [String(job.tunedModel)];
  owned["/v1/prompts"] = [String(job.promptId)];
  owned["/v1/aliases"] = ["secret-name"];
  owned["/v1/keys"] = [keys.body.data[0].id];
  owned["/v1/batches"] = [batch.body.id];
  owned["/admin/tenants"] = [];
});
afterAll(() => api[Symbol.asyncDispose]());

const RANDOM = [
  "file-01h455vb4pex5vsknk084sn02q",
  "ftjob-01h455vb4pex5vsknk084sn02q",
  "tn-abcdefghijklmnop",
  "ft:minilm-l6:abcdefghijklmnop::abcdefgh",
  "f".repeat(64),
  "nobody",
];
const MALFORMED = [
  "../x",
  "/etc/passwd",
  "a/../../b",
  "%2e%2e/",
  "..\\",
  "\u0000",
  "x".repeat(300),
  "．．／",
  "__proto__",
  "constructor",
  " ",
  "*",
  "null",
  "file-",
  "FILE-01H455VB4PEX5VSKNK084SN02Q",
  "ft:::::",
  "'; DROP TABLE records; --",
];

/** A body that a route accepts, so that the id is what it fails by. */
function bodyFor(path: string): unknown {
  if (path.endsWith("/complete")) return { part_ids: ["part-01h455vb4pex5vsknk084sn02q"] };
  if (path.includes("aliases/{name}")) return { model: "minilm-l6" };
  return {};
}

async function ask(who: { call: TestTenant["call"] }, method: string, path: string, id: string) {
  const address = path.replaceAll(/\{[^}]+\}/g, encodeURIComponent(id));
  if (path.endsWith("/parts")) {
    const form = new FormData();
    form.set("data", new Blob(["x"]), "part");
    const request = new Request(`http://api.test${address}`, {
      method: "POST",
      body: form,
      headers: { authorization: `Bearer ${stranger.key}` },
    });
    const response = await api.fetch(request);
    return { status: response.status, text: await response.text() };
  }
  const sends = ["post", "put", "patch"].includes(method);
  return who.call(
    method.toUpperCase(),
    address,
    sends ? bodyFor(path) : undefined,
    method === "put" ? { "if-match": '"1"' } : {},
  );
}

describe("foreign, random and malformed ids", () => {
  it("answer alike on every route that takes an id", async () => {
    expect(operations.length).toBeGreaterThan(25);
    for (const { method, path } of operations) {
      const admin = path.startsWith("/admin");
      const who = admin ? callsWith(api, api.adminKey) : stranger;
      const root = Object.keys(owned).find((prefix) => path.startsWith(prefix));
      expect(root, path).toBeDefined();
      const foreign = owned[root as string] as string[];
      const answers = new Map<string, string[]>();
      for (const id of [...foreign, ...RANDOM, ...MALFORMED]) {
        const { status, text } = await ask(who, method, path, id);
        const seen = `${status} ${text}`;
        answers.set(seen, [...(answers.get(seen) ?? []), id]);
      }
      const seen = JSON.stringify([...answers]);
      const codes = [...answers.keys()].map((answer) => answer.slice(0, 3));
      // A PUT makes what isn't there: an alias that isn't can't be at the revision named, and some names can't be.
      expect(codes, `${method} ${path}: ${seen}`).toEqual(method === "put" ? ["412", "400"] : ["404"]);
      if (method === "put")
        expect([...answers.values()][0]).toEqual(expect.arrayContaining([...foreign, "nobody"]));
    }
  });

  it("leave the owner's things as they were", async () => {
    for (const [root, ids] of Object.entries(owned)) {
      const list = root === "/v1/fine_tuning" ? "/v1/fine_tuning/jobs" : root;
      if (["/admin/tenants", "/v1/uploads"].includes(root)) continue;
      const { text } = await owner.call("GET", list);
      for (const id of ids) expect(text, root).toContain(id);
    }
    for (const { path } of operations.filter(
      ({ method, path }) => method === "get" && path.startsWith("/v1"),
    )) {
      const list = path.slice(0, path.indexOf("/{"));
      const { text } = await stranger.call("GET", list);
      for (const ids of Object.values(owned)) for (const id of ids) expect(text, list).not.toContain(id);
    }
  });

  it("answer alike where a body names them", async () => {
    const file = (owned["/v1/files"] as string[])[0] as string;
    const model = (owned["/v1/models"] as string[])[0] as string;
    const create = (training_file: string) =>
      stranger.call("POST", "/v1/fine_tuning/jobs", { model: "minilm-l6", training_file });
    const classify = (name: string) => stranger.call("POST", "/v1/classify", { model: name, input: "x" });
    const bodies = async (ask: (id: string) => Promise<{ status: number; text: string }>, ids: string[]) => {
      const seen = new Set<string>();
      for (const id of ids) {
        const { status, text } = await ask(id);
        seen.add(`${status} ${text}`);
      }
      return [...seen];
    };
    expect(await bodies(create, [file, ...RANDOM, "../x", "__proto__"])).toEqual([
      expect.stringMatching(/^404 .*"param":"training_file"/),
    ]);
    expect(await bodies(classify, [model, "secret-name", ...RANDOM, "../x", "__proto__"])).toEqual([
      expect.stringMatching(/^404 .*"code":"model_not_found"/),
    ]);
  });

  it("answer alike under an address that no route has", async () => {
    const wanted = (await stranger.call("GET", "/v1/files/nobody")).text;
    for (const path of ["/v1/nothing", "/v1/files/a/b/c", "/v1/", "/v1/files/"]) {
      const answer = await stranger.call("GET", path);
      expect([answer.status, answer.text], path).toEqual([404, wanted]);
    }
  });

  it("take the tenant from the key, never from a body or a query (tiny-engine-backend-java#294)", async () => {
    const body = { model: "minilm-l6", input: "x", tenant_id: owner.id };
    expect((await stranger.call("POST", "/v1/classify", body)).status).toBe(400);
    expect((await stranger.call("GET", `/v1/files?tenant_id=${owner.id}`)).status).toBe(400);
  });
});
