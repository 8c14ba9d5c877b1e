import type OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { clientOf } from "./calls.ts";
import { type Everything, makeEverything } from "./everything.ts";
import { type RawAnswer, type RawCall, rawCall } from "./raw-call.ts";
import type { Served } from "./served.ts";
import { openTinyPlace, type TinyPlace } from "./tiny.ts";

/**
 * Every route of the document with every id that isn't the caller's: another tenant's of every kind, random ones,
 * malformed ones. They must read the same to the byte, or one could learn from the difference what others have.
 */

let place: TinyPlace;
let server: Served;
let operations: readonly Operation[];
let owner: OpenAI;
let owned: Everything;
let before: string;
let strangerKey: string;
let own: Everything;
beforeAll(async () => {
  place = await openTinyPlace();
  server = await place.start("--jobs-at-once", "2");
  const ownerKey = await place.newTenant("Owner");
  strangerKey = await place.newTenant("Stranger");
  owner = clientOf(server, ownerKey);
  [owned, own] = await Promise.all([
    makeEverything(owner, "secretive"),
    makeEverything(clientOf(server, strangerKey), "plain"),
  ]);
  for (const id of foreignIds()) expect(id).toMatch(/^[a-z0-9].{5,}/);
  operations = await operationsOf(server.url);
  before = await snapshot(owner);
});
afterAll(() => place[Symbol.asyncDispose]());

interface Operation {
  readonly method: string;
  readonly path: string;
}

async function operationsOf(url: string): Promise<Operation[]> {
  const { paths } = JSON.parse((await rawCall(url, { method: "GET", path: "/openapi.json" })).text);
  return Object.entries<object>(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => ({ method: method.toUpperCase(), path })),
  );
}

const RANDOM = [
  "file-01h455vb4pex5vsknk084sn02q",
  "ftjob-01h455vb4pex5vsknk084sn02q",
  "ftevent-01h455vb4pex5vsknk084sn02q",
  "ftckpt-01h455vb4pex5vsknk084sn02q",
  "upload-01h455vb4pex5vsknk084sn02q",
  "part-01h455vb4pex5vsknk084sn02q",
  "batch-01h455vb4pex5vsknk084sn02q",
  "key-01h455vb4pex5vsknk084sn02q",
  "tn-abcdefghijklmnop",
  "ft:tiny:abcdefghijklmnop::abcdefgh",
  "ft:tiny:abcdefghijklmnop::abcdefgh:ckpt-step-3",
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
  "y".repeat(4000),
  "．．／",
  "__proto__",
  "constructor",
  " ",
  "*",
  "null",
  "file-",
  "FILE-01H455VB4PEX5VSKNK084SN02Q",
  "tn-platform",
  "ft:::::",
  "'; DROP TABLE records; --",
  "💥",
];
/** As they go on the wire. */
const RAW = ["%zz", "%", "%ff", "%c0%ae%c0%ae", "a;b", "a,b", "$ref", "a+b", "a%0d%0ax:y", "%25%32%65"];

const foreignIds = () => Object.values(owned);
const encoded = (id: string) => encodeURIComponent(id);
/** None is empty: that would be another address. */
const everyId = () => [...[...foreignIds(), ...RANDOM, ...MALFORMED].map(encoded), ...RAW];

/** With the id in each of the path's places. */
function callOf({ method, path }: Operation, key: string, id: string): RawCall {
  return { method, path: path.replaceAll(/\{[^}]+\}/g, id), key, ...bodyFor(method, path) };
}

/** One that the route accepts, so that it fails by the id. */
function bodyFor(method: string, path: string): Pick<RawCall, "body" | "headers"> {
  if (path.endsWith("/parts"))
    return { headers: { "content-type": "multipart/form-data; boundary=b" }, body: FORM };
  const json = (body: object, headers = {}) => ({
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  if (path.endsWith("/complete")) return json({ part_ids: [RANDOM[5]] });
  if (method === "PUT") return json({ model: "tiny" }, { "if-match": '"1"' });
  if (["POST", "PATCH"].includes(method)) return json({});
  return {};
}

const FORM = '--b\r\ncontent-disposition: form-data; name="data"; filename="part"\r\n\r\nx\r\n--b--\r\n';

/** All that a caller sees, but for what must differ from call to call. */
function seenIn({ status, headers, text }: RawAnswer): string {
  const kept = Object.entries(headers).filter(([name]) => !VARYING.test(name));
  return JSON.stringify([status, kept.sort(), text]);
}

const VARYING = /^(x-request-id|date|openai-processing-ms|x-ratelimit-(remaining|reset)-\w+)$/;

/** Different answers, each with the ids that got it. */
async function answersTo(calls: readonly { readonly id: string; readonly call: RawCall }[]) {
  const answers = new Map<string, string[]>();
  for (const { id, call } of calls) {
    const seen = seenIn(await rawCall(server.url, call));
    answers.set(seen, [...(answers.get(seen) ?? []), id]);
  }
  return answers;
}

const statusOf = (seen: string) => JSON.parse(seen)[0] as number;
const textOf = (seen: string) => JSON.parse(seen)[2] as string;
const withId = ({ path }: Operation) => path.includes("{");
const isAdmin = ({ path }: Operation) => path.startsWith("/admin");
const name = ({ method, path }: Operation) => `${method} ${path}`;

describe("an id that isn't the caller's", () => {
  it("gets one answer on every route, and the same on all", async () => {
    const bodies = new Set<string>();
    const routes = operations.filter((each) => withId(each) && !isAdmin(each));
    expect(routes.length).toBeGreaterThan(22);
    for (const route of routes) {
      const calls = everyId().map((id) => ({ id, call: callOf(route, strangerKey, id) }));
      const answers = await answersTo(calls);
      const statuses = [...answers.keys()].map(statusOf);
      // A PUT makes what isn't there: under a legal name it fails by its If-Match, under others by the name.
      const wanted = route.method === "PUT" ? [412, 400] : [404];
      expect(statuses, `${name(route)}: ${JSON.stringify([...answers])}`).toEqual(wanted);
      for (const seen of answers.keys()) if (statusOf(seen) === 404) bodies.add(textOf(seen));
    }
    expect([...bodies].map((body) => JSON.parse(body).error.code).sort()).toEqual([
      "model_not_found",
      "not_found",
    ]);
  }, 120_000);

  it("gets one answer on the platform's routes: for its own key, a tenant's key and no key", async () => {
    const routes = operations.filter((each) => withId(each) && isAdmin(each));
    expect(routes.length).toBeGreaterThan(5);
    const tenants = [owned.tenant, own.tenant];
    for (const route of routes) {
      const strange = everyId().filter((id) => !tenants.includes(id));
      const byPlatform = strange.map((id) => ({ id, call: callOf(route, place.adminKey, id) }));
      expect([...(await answersTo(byPlatform)).keys()].map(statusOf), name(route)).toEqual([404]);
      const byTenant = everyId().map((id) => ({ id, call: callOf(route, strangerKey, id) }));
      expect([...(await answersTo(byTenant)).keys()].map(statusOf), name(route)).toEqual([403]);
      const byNobody = everyId().map((id) => ({ id, call: callOf(route, "kt_wrong", id) }));
      expect([...(await answersTo(byNobody)).keys()].map(statusOf), name(route)).toEqual([401]);
    }
  }, 120_000);

  it("is a key of another tenant than the one named", async () => {
    const routes = operations.filter(({ path }) => path.includes("{tenant}/keys/{key}"));
    expect(routes).toHaveLength(2);
    for (const route of routes) {
      const path = route.path.replace("{tenant}", own.tenant);
      const calls = everyId().map((id) => ({ id, call: callOf({ ...route, path }, place.adminKey, id) }));
      expect([...(await answersTo(calls)).keys()].map(statusOf), name(route)).toEqual([404]);
    }
  });

  it("gets one answer where a body names it", async () => {
    const post = (path: string, body: object, more: Partial<RawCall> = {}): RawCall => {
      const headers = { "content-type": "application/json", ...more.headers };
      return { method: "POST", path, key: strangerKey, ...more, headers, body: JSON.stringify(body) };
    };
    const put = { method: "PUT", headers: { "if-none-match": "*" } };
    const job = { model: "tiny", training_file: own.file };
    const batch = { endpoint: "/v1/classify", completion_window: "24h" };
    const places: Record<string, (id: string) => RawCall> = {
      training_file: (id) => post("/v1/fine_tuning/jobs", { ...job, training_file: id }),
      validation_file: (id) => post("/v1/fine_tuning/jobs", { ...job, validation_file: id }),
      "model of a job": (id) => post("/v1/fine_tuning/jobs", { ...job, model: id }),
      "model to classify": (id) => post("/v1/classify", { model: id, input: "x" }),
      "model to embed": (id) => post("/v1/embeddings", { model: id, input: "x" }),
      "model of an alias": (id) => post("/v1/aliases/new", { model: id }, put),
      "canary of an alias": (id) =>
        post("/v1/aliases/new", { model: "tiny", canary: { model: id, share: 1 } }, put),
      "part of an upload": (id) => post(`/v1/uploads/${own.upload}/complete`, { part_ids: [own.part, id] }),
      input_file_id: (id) => post("/v1/batches", { ...batch, input_file_id: id }),
    };
    // One line of at most 256 characters is an id, known or not; anything else is no request.
    const ids = [
      ...foreignIds(),
      ...RANDOM,
      ...MALFORMED.filter((id) => id.length <= 256 && id !== "\u0000"),
    ];
    for (const [where, callTo] of Object.entries(places)) {
      const answers = await answersTo(ids.map((id) => ({ id, call: callTo(id) })));
      expect([...answers.keys()].map(statusOf), `${where}: ${JSON.stringify([...answers])}`).toEqual([404]);
    }
  });

  it("as a list's cursor shows nothing of whose it is", async () => {
    const lists = operations.filter(({ method, path }) => method === "GET" && path.startsWith("/v1/"));
    for (const list of lists) {
      const path = list.path.replace("{id}", list.path.includes("jobs") ? own.job : own.file);
      for (const id of [...foreignIds(), ...RANDOM, ...MALFORMED]) {
        const { status, text } = await rawCall(server.url, {
          method: "GET",
          path: `${path}?after=${encoded(id)}`,
          key: strangerKey,
        });
        expect([200, 400, 404], path).toContain(status);
        expect(
          [...foreignIds(), "secretive"].filter((foreign) => text.includes(foreign)),
          path,
        ).toEqual([]);
      }
    }
  });

  it("that is a step up in the path leads to nothing", async () => {
    for (const route of operations.filter(withId)) {
      for (const id of [".", "..", "%2e%2e", ".%2E", ""]) {
        const answer = await rawCall(server.url, callOf(route, strangerKey, id));
        expect([400, 403, 404, 405], `${name(route)} ${id}`).toContain(answer.status);
      }
    }
  });

  it("has changed nothing of its owner's", async () => {
    expect(await snapshot(owner)).toBe(before);
  });
});

it("an alias of the same name as another tenant's is one's own", async () => {
  const stranger = clientOf(server, strangerKey);
  const headers = { "if-none-match": "*" };
  await stranger.put(`/aliases/${owned.alias}`, { body: { model: "tiny" }, headers });
  expect(await owner.get(`/aliases/${owned.alias}`)).toMatchObject({ model: owned.model });
  expect(await stranger.get(`/aliases/${owned.alias}`)).toMatchObject({ model: "tiny" });
});

/** All that a tenant sees of itself, but for when its key was last used. */
async function snapshot(client: OpenAI): Promise<string> {
  const lists = operations.filter(
    ({ method, path }) =>
      method === "GET" && path.startsWith("/v1/") && !path.includes("{") && path !== "/v1/export",
  );
  const all: unknown[] = [];
  for (const { path } of lists) all.push([path, await client.get(path.slice("/v1".length))]);
  all.push((await client.fineTuning.jobs.listEvents(owned.job, { limit: 100 })).data);
  all.push(await (await client.files.content(owned.file)).text());
  return JSON.stringify(all).replaceAll(/"last_used_at":\d+/g, "");
}
