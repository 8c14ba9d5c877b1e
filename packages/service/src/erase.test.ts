import { PLATFORM } from "@kilotune/contract";
import { expect, it } from "vitest";
import { putAlias } from "./aliases.ts";
import { listAudit } from "./audit.ts";
import { authenticate } from "./authenticate.ts";
import { createFile } from "./create-file.ts";
import { eraseTenant } from "./erase.ts";
import { exportTenant } from "./export.ts";
import { createKey } from "./keys.ts";
import { listJobs } from "./jobs.ts";
import { FILES } from "./kinds.ts";
import { sweep } from "./retention.ts";
import { bytesOf, ROWS, startedJob, textOf, tuned, upload, world } from "./service.fixtures.ts";
import { createTenant, getTenant, listTenants } from "./tenants.ts";
import { meter } from "./usage.ts";
import { setWebhook } from "./webhooks.ts";

/** A tenant with one of everything. */
async function full() {
  const { service, tenant } = await world();
  const { secret } = await createKey(service, tenant, { name: "Keyname" });
  await tuned(service, tenant, "Suffixword");
  const model = await tuned(service, tenant, "other");
  await putAlias(service, tenant, "aliasname", { model }, "absent");
  await setWebhook(service, tenant, "https://hook.example/");
  await meter(service, tenant, model, { requests: 1, tokens: 5 });
  const job = await startedJob(service, tenant, { metadata: { m: "Metaword" } });
  return { service, tenant, secret, job };
}

it("an erased tenant leaves no byte but an id and counts, and its neighbours as they were (journey 7)", async () => {
  const { service, tenant, secret, job } = await full();
  const { id: neighbour } = await createTenant(service, { name: "Neighbour" });
  await upload(service, neighbour);
  const before = service.dump(neighbour);
  const { records, blobs } = await eraseTenant(service, tenant);
  expect(blobs).toBe(3); // two prompts, and the one file that all jobs read
  expect(records).toBeGreaterThan(20);
  expect(service.stopped).toContain(job.id);
  expect(service.dump(tenant)).toBe("[[],[]]");
  expect(service.dump(neighbour)).toBe(before);
  const platform = service.dump(PLATFORM);
  for (const word of [
    "Acme",
    "Keyname",
    "Suffixword",
    "aliasname",
    "hook.example",
    "Metaword",
    "train.jsonl",
    "card",
  ])
    expect(platform).not.toContain(word);
  const [entry] = (await listAudit(service, PLATFORM)).data;
  expect(entry).toMatchObject({ action: "tenant.erased", target: tenant, details: { records, blobs } });
  await expect(authenticate(service, secret)).rejects.toMatchObject({ code: "invalid_api_key" });
  await expect(getTenant(service, tenant)).rejects.toMatchObject({ code: "not_found" });
  await expect(eraseTenant(service, tenant)).rejects.toMatchObject({ code: "not_found" });
});

it("an erasure that is interrupted refuses the keys at once and is ended by a sweep", async () => {
  for (let steps = 3; steps < 9; steps++) {
    const { service, tenant, secret } = await full();
    let left = steps;
    service.gate = () => {
      if (left-- <= 0) throw new Error("killed");
      return undefined;
    };
    await expect(eraseTenant(service, tenant)).rejects.toThrow("killed");
    service.gate = () => undefined;
    await expect(authenticate(service, secret)).rejects.toMatchObject({ code: "invalid_api_key" });
    await expect(upload(service, tenant)).rejects.toMatchObject({ code: "not_found" });
    await sweep(service);
    expect(service.dump(tenant)).toBe("[[],[]]");
    expect((await listTenants(service)).data).toEqual([]);
  }
});

it("what a call elsewhere was still writing when its tenant was erased goes with a sweep", async () => {
  const { service, tenant } = await full();
  await eraseTenant(service, tenant);
  await meter(service, tenant, "ft:minilm-l6:abcdefghijklmnop:Suffixword:abcdefgh", {
    requests: 1,
    tokens: 5,
  });
  await service.blobs.put(tenant, "files/late", new TextEncoder().encode("late"));
  await sweep(service);
  expect(service.dump(tenant)).toBe("[[],[]]");
  service.nowMs += 2 * 3_600_000;
  await sweep(service);
  // Nobody comes back for it any more.
  expect(service.dump(PLATFORM)).not.toContain(`sweep/${tenant}`);
});

it("waits for what is under way here before it removes anything", async () => {
  const { service, tenant, secret } = await full();
  const erased = await eraseTenant(service, tenant, async () => {
    await expect(authenticate(service, secret)).rejects.toMatchObject({ code: "invalid_api_key" });
    await meter(service, tenant, "minilm-l6", { requests: 1, tokens: 5 });
    expect(service.dump(tenant)).toContain("train.jsonl");
  });
  expect(erased.blobs).toBe(3);
  expect(service.dump(tenant)).toBe("[[],[]]");
});

it("an export holds all that a tenant has, no secret, and only safe paths", async () => {
  const { service, tenant, secret } = await full();
  const entries = new Map<string, string>();
  for await (const { path, sizeBytes, chunks } of exportTenant(service, tenant)) {
    const text = await textOf(chunks);
    expect(Buffer.byteLength(text)).toBe(sizeBytes);
    expect(path).toMatch(/^(records|files|prompts)\/[a-z0-9._-]+$/);
    entries.set(path, text);
  }
  const all = [...entries.values()].join("");
  for (const word of [
    "Keyname",
    "Suffixword",
    "aliasname",
    "hook.example",
    "Metaword",
    "train.jsonl",
    "where is my card",
  ])
    expect(all).toContain(word);
  for (const word of ["sha256", "whsec_", secret.slice(-43)]) expect(all).not.toContain(word);
  const jobs = entries.get("records/job-1.jsonl")?.trimEnd().split("\n") ?? [];
  expect(jobs.map((line) => JSON.parse(line).status)).toEqual(["succeeded", "succeeded", "running"]);
});

it("what a job kept between its states goes with a sweep, where its process died at the job's end", async () => {
  const { service, tenant, job } = await full();
  const kept = new TextEncoder().encode("kept");
  const [ended] = (await listJobs(service, tenant, { order: "asc" })).data;
  await service.blobs.put(tenant, `jobs/${ended?.id}/result/prompt`, kept);
  await service.blobs.put(tenant, `jobs/${job.id}/result/prompt`, kept);
  await sweep(service);
  expect(service.dump(tenant)).not.toContain(`jobs/${ended?.id}/`);
  expect(service.dump(tenant)).toContain(`jobs/${job.id}/`);
});

it("a sweep that fails for one tenant still sees the others", async () => {
  const { service, tenant } = await world();
  const { id: other } = await createTenant(service, { name: "B" });
  const request = { filename: "x.jsonl", purpose: "fine-tune", expiresAfterSeconds: 3600 };
  for (const owner of [tenant, other]) await createFile(service, owner, request, bytesOf(ROWS));
  service.nowMs += 3_600_000;
  let failures = 1;
  service.gate = (what) => {
    if (what === "list file" && failures-- > 0) throw new Error("disk");
    return undefined;
  };
  await expect(sweep(service)).rejects.toThrow("1 tenants: Error: disk");
  const left = await Promise.all([tenant, other].map((owner) => FILES.list(service, owner)));
  expect(left.map(({ rows }) => rows.length).sort()).toEqual([0, 1]);
});
