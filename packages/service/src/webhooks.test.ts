import { Webhook } from "standardwebhooks";
import { expect, it } from "vitest";
import { deliverEvents } from "./deliver.ts";
import { OUTBOX } from "./kinds.ts";
import { sweep } from "./retention.ts";
import { finishJob } from "./run-job.ts";
import { FAILURE, startedJob, success, world } from "./service.fixtures.ts";
import { getWebhook, removeWebhook, setWebhook } from "./webhooks.ts";

interface Sent {
  readonly url: string;
  readonly init: RequestInit;
}

/** A fetch that answers these statuses, one a call; none: the connection fails. */
function endpoint(...statuses: number[]) {
  const sent: Sent[] = [];
  const fetch = (async (url: string, init: RequestInit) => {
    sent.push({ url, init });
    const status = statuses.shift();
    if (status === undefined) throw new TypeError("fetch failed");
    return new Response(null, { status });
  }) as typeof globalThis.fetch;
  return { sent, fetch };
}

it("the end of a job is sent once, signed so that the receiver's library accepts it", async () => {
  const { service, tenant } = await world();
  service.nowMs = Date.now(); // the library checks it
  const { secret, endpoint: set } = await setWebhook(service, tenant, "https://example.com/hook");
  expect(set.url).toBe("https://example.com/hook");
  expect(JSON.stringify(await getWebhook(service, tenant))).not.toContain(secret);
  const job = await startedJob(service, tenant);
  await finishJob(service, tenant, job.id, success("prompt"));
  const { sent, fetch } = endpoint(204);
  const calls = await Promise.all([deliverEvents(service, fetch), deliverEvents(service, fetch)]);
  expect(calls.map(({ delivered }) => delivered).sort()).toEqual([0, 1]);
  expect(await deliverEvents(service, fetch)).toEqual({ delivered: 0, failed: 0 });
  expect(sent).toHaveLength(1);
  const [{ url, init }] = sent as [Sent];
  expect([url, init.redirect]).toEqual(["https://example.com/hook", "manual"]);
  const headers = init.headers as Record<string, string>;
  const event = new Webhook(secret).verify(init.body as string, headers);
  expect(event).toMatchObject({
    id: headers["webhook-id"],
    object: "event",
    type: "fine_tuning.job.succeeded",
    data: { id: job.id },
  });
  expect(() => new Webhook(secret).verify(`${init.body} `, headers)).toThrow();
});

it("what isn't taken comes again with longer waits, then never; with one id, so that repeats can be told", async () => {
  const { service, tenant } = await world();
  await setWebhook(service, tenant, "http://localhost:9999/");
  const job = await startedJob(service, tenant);
  await finishJob(service, tenant, job.id, FAILURE);
  const { sent, fetch } = endpoint(500, 302);
  const waits: number[] = [];
  const start = service.nowMs;
  for (let hours = 0; hours < 24 * 6; hours += 1 / 60) {
    const { failed } = await deliverEvents(service, fetch);
    if (failed > 0) waits.push(Math.round((service.nowMs - start) / 60_000));
    service.nowMs += 60_000;
  }
  expect(waits).toEqual([0, 1, 6, 36, 156, 456, 1056, 1896, 3096]);
  expect(new Set(sent.map(({ init }) => (init.headers as Record<string, string>)["webhook-id"])).size).toBe(
    1,
  );
  expect((await OUTBOX.list(service, tenant)).rows).toEqual([]);
});

it("a tenant's dead endpoint doesn't hold up another's", async () => {
  const { service, tenant } = await world();
  const { createTenant } = await import("./tenants.ts");
  const { id: other } = await createTenant(service, { name: "B", plan: "team" });
  for (const [owner, url] of [
    [tenant, "https://dead.example/"],
    [other, "https://live.example/"],
  ] as const) {
    await setWebhook(service, owner, url);
    const job = await startedJob(service, owner);
    await finishJob(service, owner, job.id, FAILURE);
  }
  let freed = () => {};
  const dead = new Promise<void>((resolve) => {
    freed = resolve;
  });
  const seen: string[] = [];
  const fetch = (async (url: string) => {
    if (url.includes("dead")) await dead;
    seen.push(url);
    freed();
    return new Response(null, { status: 200 });
  }) as typeof globalThis.fetch;
  expect(await deliverEvents(service, fetch)).toEqual({ delivered: 2, failed: 0 });
  expect(seen).toEqual(["https://live.example/", "https://dead.example/"]);
});

it("without an endpoint nothing is kept; removed, what waits is dropped; a quiet tenant is looked at no more", async () => {
  const { service, tenant } = await world();
  const first = await startedJob(service, tenant);
  await finishJob(service, tenant, first.id, FAILURE);
  expect((await OUTBOX.list(service, tenant)).rows).toEqual([]);
  await setWebhook(service, tenant, "https://example.com/");
  const second = await startedJob(service, tenant, { seed: 2 });
  await finishJob(service, tenant, second.id, FAILURE);
  service.nowMs += 3_700_000;
  await sweep(service);
  expect((await OUTBOX.list(service, tenant)).rows).toHaveLength(1);
  await removeWebhook(service, tenant);
  const { sent, fetch } = endpoint(200);
  await deliverEvents(service, fetch);
  expect([sent, (await OUTBOX.list(service, tenant)).rows]).toEqual([[], []]);
  await sweep(service);
  const looked: string[] = [];
  service.gate = (what) => void looked.push(what);
  await deliverEvents(service, fetch);
  expect(looked).toEqual(["list pending"]);
});

it("an address that isn't https, or local http, is refused", async () => {
  const { service, tenant } = await world();
  for (const url of [
    "http://example.com/",
    "ftp://x/",
    "https://user:pw@x/",
    "http://localhost.example.com/",
    "http://169.254.169.254/",
    "nonsense",
    "",
    `https://x/${"a".repeat(3000)}`,
  ])
    await expect(setWebhook(service, tenant, url)).rejects.toMatchObject({
      code: "invalid_value",
      param: "url",
    });
  for (const url of ["http://127.0.0.1:1/", "http://[::1]/", "https://example.com/a?b=c"])
    await setWebhook(service, tenant, url);
  await removeWebhook(service, tenant);
  await expect(getWebhook(service, tenant)).rejects.toMatchObject({ code: "not_found" });
});
