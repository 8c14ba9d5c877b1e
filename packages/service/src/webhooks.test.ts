import { Webhook } from "standardwebhooks";
import { expect, it } from "vitest";
import { manyLines, newBatch, run } from "./batch.fixtures.ts";
import { deliverEvents } from "./deliver.ts";
import { OUTBOX } from "./kinds.ts";
import { sweep } from "./retention.ts";
import { finishJob } from "./run-job.ts";
import { type SendWebhook, type WebhookMessage, webhookSender } from "./send-webhook.ts";
import { FAILURE, startedJob, success, world } from "./service.fixtures.ts";
import { getWebhook, removeWebhook, setWebhook } from "./webhooks.ts";

interface Sent extends WebhookMessage {
  readonly url: string;
}

/** A sender that answers these statuses, one a call; none: the connection fails. */
function endpoint(...statuses: number[]) {
  const sent: Sent[] = [];
  const send: SendWebhook = async (url, message) => {
    sent.push({ url, ...message });
    const status = statuses.shift();
    if (status === undefined) throw new TypeError("connection refused");
    return status;
  };
  return { sent, send };
}

it("the end of a job is sent once, signed so that the receiver's library accepts it", async () => {
  const { service, tenant } = await world();
  service.nowMs = Date.now(); // the library checks it
  const { secret, endpoint: set } = await setWebhook(service, tenant, "https://example.com/hook");
  expect(set.url).toBe("https://example.com/hook");
  expect(JSON.stringify(await getWebhook(service, tenant))).not.toContain(secret);
  const job = await startedJob(service, tenant);
  await finishJob(service, tenant, job.id, success("prompt"));
  const { sent, send } = endpoint(204);
  const calls = await Promise.all([deliverEvents(service, send), deliverEvents(service, send)]);
  expect(calls.map(({ delivered }) => delivered).sort()).toEqual([0, 1]);
  expect(await deliverEvents(service, send)).toEqual({ delivered: 0, failed: 0, refused: 0 });
  expect(sent).toHaveLength(1);
  const [{ url, body, headers }] = sent as [Sent];
  expect(url).toBe("https://example.com/hook");
  const event = new Webhook(secret).verify(body, headers);
  expect(event).toMatchObject({
    id: headers["webhook-id"],
    object: "event",
    type: "fine_tuning.job.succeeded",
    data: { id: job.id },
  });
  expect(() => new Webhook(secret).verify(`${body} `, headers)).toThrow();
});

it("what isn't taken comes again with longer waits, then never; with one id, so that repeats can be told", async () => {
  const { service, tenant } = await world();
  await setWebhook(service, tenant, "https://example.com:9999/");
  const job = await startedJob(service, tenant);
  await finishJob(service, tenant, job.id, FAILURE);
  const { sent, send } = endpoint(500, 302);
  const waits: number[] = [];
  const start = service.nowMs;
  for (let hours = 0; hours < 24 * 6; hours += 1 / 60) {
    const { failed } = await deliverEvents(service, send);
    if (failed > 0) waits.push(Math.round((service.nowMs - start) / 60_000));
    service.nowMs += 60_000;
  }
  expect(waits).toEqual([0, 1, 6, 36, 156, 456, 1056, 1896, 3096]);
  expect(new Set(sent.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
  expect((await OUTBOX.list(service, tenant)).rows).toEqual([]);
});

it("an event that an older version noted, by its job, is sent with that job's id", async () => {
  const { service, tenant } = await world();
  await setWebhook(service, tenant, "https://example.com/hook");
  const job = await startedJob(service, tenant);
  await finishJob(service, tenant, job.id, FAILURE);
  const [row] = (await service.records.list(tenant, OUTBOX.kind)).records;
  if (row === undefined) throw new Error("nothing waits to be sent");
  const { subject, ...rest } = row.value as { subject: string };
  const old = { ...rest, job: subject };
  await service.records.write(tenant, [{ put: row.key, value: old, expect: "present" }]);
  const { sent, send } = endpoint(204);
  await deliverEvents(service, send);
  expect(JSON.parse(sent[0]?.body ?? "").data).toEqual({ id: job.id });
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
  const send: SendWebhook = async (url) => {
    if (url.includes("dead")) await dead;
    seen.push(url);
    freed();
    return 200;
  };
  expect(await deliverEvents(service, send)).toEqual({ delivered: 2, failed: 0, refused: 0 });
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
  const { sent, send } = endpoint(200);
  await deliverEvents(service, send);
  expect([sent, (await OUTBOX.list(service, tenant)).rows]).toEqual([[], []]);
  await sweep(service);
  const looked: string[] = [];
  service.gate = (what) => void looked.push(what);
  await deliverEvents(service, send);
  expect(looked).toEqual(["list pending"]);
});

it("a batch's end is told as a job's is", async () => {
  const { service, tenant } = await world();
  await setWebhook(service, tenant, "https://example.com/");
  const { id } = await newBatch(service, tenant, manyLines(1));
  await run(service, tenant, id);
  const { sent, send } = endpoint(200);
  await deliverEvents(service, send);
  expect(JSON.parse(sent[0]?.body ?? "")).toMatchObject({ type: "batch.completed", data: { id } });
});

it("what the sender refuses is told to who runs the server", async () => {
  const { service, tenant } = await world();
  await setWebhook(service, tenant, "https://rebound.example/");
  const job = await startedJob(service, tenant);
  await finishJob(service, tenant, job.id, FAILURE);
  const send = webhookSender({ lookup: async () => [{ address: "10.0.0.7", family: 4 }] });
  expect(await deliverEvents(service, send)).toEqual({ delivered: 0, failed: 1, refused: 1 });
});

const PRIVATE = [
  "https://localhost/",
  "https://api.localhost/",
  "https://127.0.0.1/",
  "https://2130706433/",
  "https://0x7f.1/",
  "https://10.1.2.3/",
  "https://169.254.169.254/latest/meta-data",
  "https://192.168.1.1/",
  "https://[::1]/",
  "https://[fe80::1]/",
  "https://[fd00:ec2::254]/",
  "https://[::ffff:10.0.0.1]/",
];

it("an address that isn't https, or is a private one, is refused", async () => {
  const { service, tenant } = await world();
  const refused = (url: string) =>
    expect(setWebhook(service, tenant, url), url).rejects.toMatchObject({
      code: "invalid_value",
      param: "url",
    });
  for (const url of [
    ...PRIVATE,
    "http://example.com/",
    "http://localhost/",
    "ftp://x/",
    "https://user:pw@x/",
    "nonsense",
    "",
    `https://x/${"a".repeat(3000)}`,
  ])
    await refused(url);
  await setWebhook(service, tenant, "https://example.com/a?b=c");
  await removeWebhook(service, tenant);
  await expect(getWebhook(service, tenant)).rejects.toMatchObject({ code: "not_found" });
});

it("a server on premises may allow private addresses, and http", async () => {
  const { service, tenant } = await world();
  const onPremises = { ...service, webhooksToPrivateNetwork: true };
  for (const url of [...PRIVATE, "http://localhost:1/", "http://hooks.corp/"])
    await setWebhook(onPremises, tenant, url);
  for (const url of ["ftp://x/", "https://user:pw@x/"])
    await expect(setWebhook(onPremises, tenant, url)).rejects.toMatchObject({ param: "url" });
});
