import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { JobId } from "@kilotune/contract";
import { openLocalStore } from "@kilotune/store/local";
import { expect, it } from "vitest";
import { putAlias } from "./aliases.ts";
import { authenticate } from "./authenticate.ts";
import type { Service } from "./context.ts";
import { createFile } from "./create-file.ts";
import { createJob } from "./create-job.ts";
import { eraseTenant } from "./erase.ts";
import { exportTenant } from "./export.ts";
import { createKey } from "./keys.ts";
import { openPrompt } from "./prompts.ts";
import { takeRate } from "./rate-limit.ts";
import { resolveModel } from "./resolve.ts";
import { sweep } from "./retention.ts";
import { beginJob, finishJob, queueJob } from "./run-job.ts";
import { bytesOf, success, textOf } from "./service.fixtures.ts";
import { restartJobs } from "./steer-job.ts";
import { createTenant } from "./tenants.ts";
import { testService } from "./testing.ts";

it("the whole story holds on the local store, over a restart, and the erased tenant's words leave the disk", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "kilotune-service-"));
  try {
    const { id, secret, job } = await firstRun(folder);
    const { service, close } = await open(folder);
    const { tenant, limits } = await authenticate(service, secret);
    expect(tenant).toBe(id);
    expect(await takeRate(service, tenant, limits, { requests: 1, tokens: 5 })).toMatchObject({
      allowed: true,
    });
    expect(await restartJobs(service)).toBe(1);
    await beginJob(service, tenant, job);
    const { tunedModel } = await finishJob(service, tenant, job, success("Promptbytes"));
    await putAlias(service, tenant, "Aliasword", { model: tunedModel ?? "" }, "absent");
    const { promptId } = await resolveModel(service, tenant, "Aliasword", "");
    expect(await textOf((await openPrompt(service, tenant, promptId ?? "")).chunks)).toBe("Promptbytes");
    let exported = 0;
    for await (const { chunks } of exportTenant(service, tenant)) exported += (await textOf(chunks)).length;
    expect(exported).toBeGreaterThan(1000);
    await sweep(service);
    expect(await bytesUnder(folder)).toContain("Labelword");
    await eraseTenant(service, tenant);
    await close();
    const left = await bytesUnder(folder);
    for (const word of ["Tenantword", "Labelword", "Fileword", "Suffixword", "Promptbytes", "Aliasword"])
      expect(left).not.toContain(word);
    expect(left).toContain(id);
  } finally {
    await rm(folder, { recursive: true });
  }
});

async function firstRun(folder: string) {
  const { service, close } = await open(folder);
  const { id } = await createTenant(service, { name: "Tenantword" });
  const { secret } = await createKey(service, id);
  const rows = '{"text":"a","label":"Labelword"}\n{"text":"b","label":"other"}\n';
  const request = { filename: "Fileword.jsonl", purpose: "fine-tune" };
  const { id: trainingFile } = await createFile(service, id, request, bytesOf(rows));
  const asked = { model: "minilm-l6", trainingFile, method: { type: "kv" }, suffix: "Suffixword" } as const;
  const job = await createJob(service, id, asked);
  await queueJob(service, id, job.id);
  await close();
  return { id, secret, job: job.id as JobId };
}

async function open(folder: string) {
  const { workflow, clock, backbones } = testService();
  const { records, blobs, close } = await openLocalStore(folder, { clock });
  const service: Service = { records, blobs, workflow, clock, backbones };
  return { service, close };
}

async function bytesUnder(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
  const texts = await Promise.all(files.map((file) => readFile(file, "latin1")));
  return [...files, ...texts].join("\n");
}
