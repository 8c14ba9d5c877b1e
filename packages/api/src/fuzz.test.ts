import { expect, it } from "vitest";
import { answered, callsWith, encoded, openTestApi, ROWS, tune } from "./testing.ts";
import { fuzzer } from "./testing-fuzz.ts";

/** Numbers as by Tommy Ettinger's mulberry32. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

it("answers whatever comes, never with a 5xx of its own, never with another tenant's things", async () => {
  await using api = await openTestApi();
  const owner = await api.newTenant();
  const file = await owner.upload(ROWS, "zebra-owned.jsonl");
  const owned = [file.body.id, (await tune(api, owner)).id, owner.id];
  const [key] = (await owner.call("GET", "/v1/keys")).body.data;
  // What the requests don't hold themselves, so that an answer has it from the owner alone.
  const marks = ["zebra-owned", key.id];
  const tenant = await api.newTenant();
  const job = await tune(api, tenant);
  const { body: document } = await callsWith(api, undefined).call("GET", "/openapi.json");
  const ids = [job.id, job.trainingFile, String(job.tunedModel), String(job.promptId), "minilm-l6", ...owned];
  const { next } = fuzzer(document, seeded(7), {
    ids,
    skip: ["DELETE /v1/tenant", "DELETE /admin/tenants/{tenant}"],
  });
  const statuses = new Map<number, number>();
  for (let at = 0; at < 400; at++) {
    const { method, path, headers, body } = next();
    const form = body instanceof FormData ? await encoded(body) : { body: body ?? null, headers: {} };
    const admin = path.startsWith("/admin") && at % 2 === 0;
    const key = admin ? api.adminKey : tenant.key;
    const init = {
      method,
      body: method === "GET" ? null : form.body,
      headers: { ...headers, ...form.headers, authorization: `Bearer ${key}` },
      signal: AbortSignal.timeout(2000),
    };
    const answer = await answered(await api.fetch(new Request(`http://api.test${path}`, init)));
    const told = `${method} ${path.slice(0, 300)} ${String(body).slice(0, 500)} -> ${answer.status} ${answer.text}`;
    statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
    expect(answer.status < 500 || answer.status === 501, told).toBe(true);
    if (answer.status >= 400) expect(answer.body?.error?.code, told).toMatch(/^[a-z_]+$/);
    if (!admin) for (const mark of marks) expect(answer.text, told).not.toContain(mark);
  }
  // It does get through, too.
  expect(statuses.get(200)).toBeGreaterThan(60);
  expect(api.log.filter((line) => JSON.parse(line).level === "error")).toEqual([]);
});
