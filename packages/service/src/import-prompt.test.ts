import { createHash } from "node:crypto";
import { KilotuneError, type TenantId } from "@kilotune/contract";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { listAudit } from "./audit.ts";
import { eraseTenant } from "./erase.ts";
import { type AcceptPrompt, importPrompt } from "./import-prompt.ts";
import { CLAIMS, MODELS, PROMPTS } from "./kinds.ts";
import { deleteModel, getModel, listModels } from "./models.ts";
import { openPrompt } from "./prompts.ts";
import { readQuota } from "./quota.ts";
import { resolveModel } from "./resolve.ts";
import { sweep } from "./retention.ts";
import { finishJob } from "./run-job.ts";
import { startedJob, success, textOf, world } from "./service.fixtures.ts";
import { createTenant } from "./tenants.ts";
import type { TestService } from "./testing.ts";

const FILE = new TextEncoder().encode("a prompt's file");
const SHA256 = createHash("sha256").update(FILE).digest("hex");

const accept: AcceptPrompt = async (bytes) => ({
  sha256: createHash("sha256").update(bytes).digest("hex"),
  backbone: "minilm-l6",
  task: "classification",
  bytes,
});
const imported = (service: TestService, tenant: TenantId, suffix = "desk", file = FILE) =>
  importPrompt(service, tenant, file, { suffix, accept });

async function state(service: TestService, tenant: TenantId) {
  const { quota } = await readQuota(service, tenant);
  const stored: string[] = [];
  for await (const { path } of service.blobs.list(tenant, "")) stored.push(path);
  return {
    models: (await MODELS.list(service, tenant)).rows.length,
    uses: (await PROMPTS.list(service, tenant)).rows.map(({ value }) => value.models),
    claims: (await CLAIMS.list(service, tenant)).rows.length,
    stored,
    quota: [quota.prompts, quota.storedBytes],
  };
}

describe("an imported prompt", () => {
  it("is a model like any: listed, resolved, read, counted, deleted", async () => {
    const { service, tenant } = await world();
    const model = await imported(service, tenant);
    expect(model).toMatchObject({
      backbone: "minilm-l6",
      promptId: SHA256,
      sizeBytes: FILE.length,
      job: null,
    });
    expect(model.name).toMatch(new RegExp(`^ft:minilm-l6:${tenant.slice(3)}:desk:[a-z]{8}$`));
    expect((await listModels(service, tenant)).data).toEqual([model]);
    expect((await resolveModel(service, tenant, model.name, "")).promptId).toBe(SHA256);
    expect(await textOf((await openPrompt(service, tenant, SHA256)).chunks)).toBe("a prompt's file");
    const path = `prompts/${SHA256}.safetensors`;
    const held = { models: 1, uses: [1], claims: 0, stored: [path], quota: [1, FILE.length] };
    expect(await state(service, tenant)).toEqual(held);
    await deleteModel(service, tenant, model.name);
    expect(await state(service, tenant)).toEqual({
      models: 0,
      uses: [],
      claims: 0,
      stored: [],
      quota: [0, 0],
    });
  });

  it("is one model by content and suffix, however late it comes again; its bytes are stored once", async () => {
    const { service, tenant } = await world();
    const first = await imported(service, tenant);
    service.nowMs += 400 * 86_400_000;
    expect(await imported(service, tenant)).toEqual(first);
    const second = await imported(service, tenant, "other");
    expect(second.name).not.toBe(first.name);
    expect(await state(service, tenant)).toMatchObject({ models: 2, uses: [2], quota: [2, FILE.length] });
    await deleteModel(service, tenant, first.name);
    expect((await imported(service, tenant)).name).toBe(first.name);
    expect((await getModel(service, tenant, first.name)).createdAt).toBeGreaterThan(first.createdAt);
  });

  it("shares the bytes of a job's own model", async () => {
    const { service, tenant } = await world();
    const { id } = await startedJob(service, tenant);
    await finishJob(service, tenant, id, success("a prompt's file"));
    await imported(service, tenant);
    expect(await state(service, tenant)).toMatchObject({ models: 2, uses: [2] });
  });

  it("is another tenant's own where that one imports it", async () => {
    const { service, tenant } = await world();
    const { id: other } = await createTenant(service, { name: "B" });
    const [a, b] = [await imported(service, tenant), await imported(service, other)];
    await expect(getModel(service, other, a.name)).rejects.toMatchObject({ code: "model_not_found" });
    await deleteModel(service, tenant, a.name);
    expect(await textOf((await openPrompt(service, other, b.promptId)).chunks)).toBe("a prompt's file");
  });

  it("is in the audit log, without a word that people wrote", async () => {
    const { service, tenant } = await world();
    await imported(service, tenant, "Suffixword");
    await imported(service, tenant, "Suffixword");
    const entries = (await listAudit(service, tenant)).data.filter(
      ({ action }) => action === "prompt.imported",
    );
    expect(entries).toMatchObject([{ target: SHA256, details: { backbone: "minilm-l6" } }]);
    expect(JSON.stringify(entries)).not.toContain("Suffixword");
  });

  it("that is refused, of an unknown backbone, or over a quota leaves nothing", async () => {
    const { service } = await world();
    const roomFor = (overrides: object) => createTenant(service, { name: "B", overrides });
    const refuse = async () => {
      throw new KilotuneError("invalid_prompt", "no", "no");
    };
    const strange: AcceptPrompt = async (...file) => ({ ...(await accept(...file)), backbone: "nobody" });
    for (const [limits, judge, code] of [
      [{}, refuse, "invalid_prompt"],
      [{}, strange, "backbone_mismatch"],
      [{ prompts: 0 }, accept, "exceeded_quota"],
      [{ storedBytes: FILE.length - 1 }, accept, "exceeded_quota"],
    ] as const) {
      const { id } = await roomFor(limits);
      await expect(importPrompt(service, id, FILE, { accept: judge })).rejects.toMatchObject({ code });
      expect(await state(service, id)).toEqual({ models: 0, uses: [], claims: 0, stored: [], quota: [0, 0] });
    }
    const { id: exact } = await roomFor({ storedBytes: FILE.length, prompts: 1 });
    await imported(service, exact);
    await eraseTenant(service, exact);
    await expect(imported(service, exact)).rejects.toMatchObject({ code: "not_found" });
  });

  it("imported at once in every order, with crashes between, is one model; what a crash leaves is swept", async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.nat(40), async (scheduler, crashAt) => {
        const { service, tenant } = await world();
        let step = 0;
        service.gate = async () => {
          if (step++ === crashAt) throw new Error("killed");
          await scheduler.schedule(Promise.resolve());
        };
        const calls = Array.from({ length: 3 }, () => imported(service, tenant).catch((error) => error));
        const answers = await scheduler.waitFor(Promise.all(calls));
        service.gate = () => undefined;
        for (const answer of answers)
          if (answer instanceof Error)
            expect(["busy", undefined]).toContain((answer as { code?: string }).code);
        service.nowMs += 2 * 3_600_000;
        await sweep(service);
        const { name } = await imported(service, tenant);
        for (const answer of answers) if (!(answer instanceof Error)) expect(answer.name).toBe(name);
        expect(await state(service, tenant)).toEqual({
          models: 1,
          uses: [1],
          claims: 0,
          stored: [`prompts/${SHA256}.safetensors`],
          quota: [1, FILE.length],
        });
      }),
      { numRuns: 200 },
    );
  });
});
