import type { JobId, TenantId } from "@kilotune/contract";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deleteAlias, getAlias, listAliases, putAlias, rollbackAlias } from "./aliases.ts";
import { addCheckpoint, listCheckpoints } from "./checkpoints.ts";
import { CLAIMS, PROMPTS } from "./kinds.ts";
import { deleteModel, getModel, listModels } from "./models.ts";
import { openPrompt } from "./prompts.ts";
import { readQuota } from "./quota.ts";
import { resolveModel, sideOf } from "./resolve.ts";
import { sweep } from "./retention.ts";
import { finishJob } from "./run-job.ts";
import { startedJob, success, textOf, tuned, world } from "./service.fixtures.ts";
import { cancelJob } from "./steer-job.ts";
import type { TestService } from "./testing.ts";

describe("a tuned model", () => {
  it("has a name that tells its backbone, tenant and suffix, and a prompt that can be read", async () => {
    const { service, tenant } = await world();
    const name = await tuned(service, tenant, "support");
    expect(name).toMatch(new RegExp(`^ft:minilm-l6:${tenant.slice(3)}:support:[a-z]{8}$`));
    const model = await getModel(service, tenant, name);
    expect(model).toMatchObject({ backbone: "minilm-l6", sizeBytes: 7 });
    expect(await textOf((await openPrompt(service, tenant, model.promptId)).chunks)).toBe("support");
    expect((await listModels(service, tenant)).data).toEqual([model]);
    expect(await resolveModel(service, tenant, name, "")).toEqual({
      model: name,
      backbone: "minilm-l6",
      input: "text",
      promptId: model.promptId,
      task: "classification",
    });
  });

  it("of another tenant, unknown or malformed isn't there; nor is its prompt (known fault 13)", async () => {
    const { service, tenant } = await world();
    const { tenant: other } = await world();
    const name = await tuned(service, tenant, "x");
    const { promptId } = await getModel(service, tenant, name);
    const answers = new Set<unknown>();
    for (const asked of [
      name,
      `${name.slice(0, -8)}aaaaaaaa`,
      "ft:",
      "../x",
      "",
      "__proto__",
      "a b",
      "x".repeat(600),
    ])
      for (const call of [
        getModel,
        deleteModel,
        (...args: Parameters<typeof getModel>) => resolveModel(...args, ""),
      ])
        answers.add(await call(service, other, asked).catch((error) => `${error.code}: ${error.message}`));
    expect([...answers]).toEqual(["model_not_found: There is no such model."]);
    for (const asked of [promptId, "0".repeat(64), "../x"])
      await expect(openPrompt(service, other, asked)).rejects.toMatchObject({ code: "not_found" });
  });

  it("shares its prompt with an equal one; the bytes go with the last", async () => {
    const { service, tenant } = await world();
    const [first, second] = [await tuned(service, tenant, "same"), await tuned(service, tenant, "same")];
    const { promptId } = await getModel(service, tenant, first);
    const stored = (await readQuota(service, tenant)).quota.storedBytes;
    await deleteModel(service, tenant, first);
    await openPrompt(service, tenant, promptId);
    expect((await readQuota(service, tenant)).quota).toMatchObject({ storedBytes: stored, prompts: 1 });
    await deleteModel(service, tenant, second);
    await expect(openPrompt(service, tenant, promptId)).rejects.toMatchObject({ code: "not_found" });
    expect((await readQuota(service, tenant)).quota).toMatchObject({ storedBytes: stored - 4, prompts: 0 });
    await expect(deleteModel(service, tenant, second)).rejects.toMatchObject({ code: "model_not_found" });
  });

  it("equal ones published and deleted at once never leave a model without its bytes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.nat(60), async (scheduler, dieAt) => {
        const { service, tenant } = await world();
        const old = await tuned(service, tenant, "same");
        const jobs = [await startedJob(service, tenant), await startedJob(service, tenant)];
        let step = 0;
        service.gate = async () => {
          if (++step === dieAt) throw new Error("killed");
          await scheduler.schedule(Promise.resolve());
        };
        const calls = [
          ...jobs.map(({ id }) => finishJob(service, tenant, id as JobId, success("same"))),
          deleteModel(service, tenant, old),
        ];
        await scheduler.waitFor(Promise.allSettled(calls));
        service.gate = () => undefined;
        service.nowMs += 24 * 3_600_000;
        await sweep(service);
        await expectWhole(service, tenant);
        for (const { id } of jobs) await finishJob(service, tenant, id as JobId, success("same"));
        await expectWhole(service, tenant);
      }),
      { numRuns: 150 },
    );
  });
});

describe("a checkpoint", () => {
  it("can be called, is kept when it comes twice, and goes with its model", async () => {
    const { service, tenant } = await world();
    const job = await startedJob(service, tenant);
    const { promptId, bytes } = success("step 5");
    const made = { step: 5, metrics: { train_loss: 0.5 }, promptId, bytes };
    const first = await addCheckpoint(service, tenant, job.id, made);
    expect(first?.model).toMatch(/:ckpt-step-5$/);
    expect(await addCheckpoint(service, tenant, job.id, { ...made, metrics: {} })).toEqual(first);
    await addCheckpoint(service, tenant, job.id, { ...made, step: 6, ...success("step 6") });
    const { data } = await listCheckpoints(service, tenant, job.id);
    expect(data.map(({ step }) => step)).toEqual([6, 5]);
    expect((await listCheckpoints(service, tenant, job.id, { after: data[0]?.id ?? "" })).data).toEqual([
      first,
    ]);
    expect(await resolveModel(service, tenant, first?.model ?? "", "")).toMatchObject({ promptId });
    expect((await listModels(service, tenant)).data).toEqual([]);
    const { tunedModel } = await finishJob(service, tenant, job.id, success("end"));
    expect(await addCheckpoint(service, tenant, job.id, { ...made, step: 7 })).toBeUndefined();
    await deleteModel(service, tenant, tunedModel ?? "");
    await expect(getModel(service, tenant, first?.model ?? "")).rejects.toMatchObject({
      code: "model_not_found",
    });
    expect((await listCheckpoints(service, tenant, job.id)).data).toEqual([]);
    await expectWhole(service, tenant);
  });

  it("of a cancelled job stays for its time, and longer where an alias points to it", async () => {
    const { service, tenant } = await world();
    const job = await startedJob(service, tenant);
    const add = (step: number) =>
      addCheckpoint(service, tenant, job.id, { step, metrics: {}, ...success(`step ${step}`) });
    const [one, two] = [await add(1), await add(2)];
    await cancelJob(service, tenant, job.id);
    await putAlias(service, tenant, "kept", { model: two?.model ?? "" }, "absent");
    service.nowMs += 29 * 86_400_000;
    expect(await sweep(service)).toMatchObject({ checkpoints: 0 });
    service.nowMs += 2 * 86_400_000;
    expect(await sweep(service)).toMatchObject({ checkpoints: 1 });
    await expect(getModel(service, tenant, one?.model ?? "")).rejects.toMatchObject({
      code: "model_not_found",
    });
    expect(await resolveModel(service, tenant, "kept", "")).toMatchObject({ model: two?.model });
  });
});

describe("an alias", () => {
  it("is put by who saw it last: a stale revision changes nothing (mistral.rs expected_generation)", async () => {
    const { service, tenant } = await world();
    const [v1, v2] = [await tuned(service, tenant, "v1"), await tuned(service, tenant, "v2")];
    const made = await putAlias(service, tenant, "support", { model: v1 }, "absent");
    await expect(putAlias(service, tenant, "support", { model: v2 }, "absent")).rejects.toMatchObject({
      code: "precondition_failed",
    });
    const moved = await putAlias(service, tenant, "support", { model: v2 }, made);
    expect(moved.revision).toBeGreaterThan(made.revision);
    await expect(putAlias(service, tenant, "support", { model: v1 }, made)).rejects.toMatchObject({
      code: "precondition_failed",
    });
    await expect(rollbackAlias(service, tenant, "support", made)).rejects.toMatchObject({
      code: "precondition_failed",
    });
    expect(await resolveModel(service, tenant, "support", "")).toMatchObject({ model: v2 });
    expect(await rollbackAlias(service, tenant, "support", moved)).toMatchObject({
      target: { model: v1, canary: null },
      previous: { model: v2, canary: null },
    });
    expect(await resolveModel(service, tenant, "support", "")).toMatchObject({ model: v1 });
    expect((await listAliases(service, tenant)).data.map(({ name }) => name)).toEqual(["support"]);
  });

  it("deleted and made again isn't what a stale revision meant, even where the clock stood still", async () => {
    const { service, tenant } = await world();
    const made = await putAlias(service, tenant, "a", { model: "minilm-l6" }, "absent");
    service.nowMs += 1;
    await deleteAlias(service, tenant, "a", made);
    await putAlias(service, tenant, "a", { model: "minilm-l6" }, "absent");
    await expect(deleteAlias(service, tenant, "a", made)).rejects.toMatchObject({
      code: "precondition_failed",
    });
  });

  it("of many writers with one revision lets exactly one through", async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), async (scheduler) => {
        const { service, tenant } = await world();
        const made = await putAlias(service, tenant, "a", { model: "minilm-l6" }, "absent");
        service.gate = () => scheduler.schedule(Promise.resolve());
        const calls = Array.from({ length: 4 }, () =>
          putAlias(service, tenant, "a", { model: "minilm-l6" }, made).then(
            () => "won",
            (error) => error.code,
          ),
        );
        const answers = await scheduler.waitFor(Promise.all(calls));
        expect(answers.sort()).toEqual([...Array(3).fill("precondition_failed"), "won"]);
      }),
      { numRuns: 100 },
    );
  });

  it("keeps its models from being deleted, also against a put at the same moment", async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), async (scheduler) => {
        const { service, tenant } = await world();
        const model = await tuned(service, tenant, "v1");
        service.gate = () => scheduler.schedule(Promise.resolve());
        const [put, gone] = await scheduler.waitFor(
          Promise.allSettled([
            putAlias(service, tenant, "a", { model: "minilm-l6", canary: { model, share: 0.5 } }, "absent"),
            deleteModel(service, tenant, model),
          ]),
        );
        service.gate = () => undefined;
        expect([put.status, gone.status].sort()).toEqual(["fulfilled", "rejected"]);
        if (put.status === "rejected") return;
        await expect(deleteModel(service, tenant, model)).rejects.toMatchObject({ code: "model_in_use" });
        await deleteAlias(service, tenant, "a");
        await deleteModel(service, tenant, model);
      }),
      { numRuns: 100 },
    );
  });

  it("moved while it is called, its old model deleted at once, never fails a call", async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), async (scheduler) => {
        const { service, tenant } = await world();
        const [v1, v2] = [await tuned(service, tenant, "v1"), await tuned(service, tenant, "v2")];
        const made = await putAlias(service, tenant, "a", { model: v1 }, "absent");
        service.gate = () => scheduler.schedule(Promise.resolve());
        const move = putAlias(service, tenant, "a", { model: v2 }, made).then(async () => {
          expect(await resolveModel(service, tenant, "a", "")).toMatchObject({ model: v2 });
          await deleteModel(service, tenant, v1);
        });
        const calls = Array.from({ length: 5 }, () => resolveModel(service, tenant, "a", ""));
        const answers = await scheduler.waitFor(Promise.all(calls));
        for (const { model } of answers) expect([v1, v2]).toContain(model);
        await scheduler.waitFor(move);
      }),
      { numRuns: 100 },
    );
  });

  it("with a canary gives the same key the same side, near the share, and keeps it as the share grows", () => {
    const target = (share: number) => ({ model: "a", canary: { model: "b", share } });
    const keys = Array.from({ length: 4000 }, (_, i) => `user ${i}`);
    const at = (share: number) => keys.filter((key) => sideOf(target(share), key) === "b");
    const tenth = at(0.1);
    expect(at(0.1)).toEqual(tenth);
    expect(tenth.length / keys.length).toBeCloseTo(0.1, 1);
    expect(new Set(at(0.3))).toEqual(new Set([...at(0.3), ...tenth]));
    expect([at(0).length, at(1).length]).toEqual([0, keys.length]);
  });

  it("refuses names, shares and targets that are none", async () => {
    const { service, tenant } = await world();
    const put = (name: string, model: string, share = 0.5) =>
      putAlias(service, tenant, name, { model, canary: { model: "minilm-l6", share } }, "absent");
    for (const name of ["", "a:b", "a/b", "é", "x".repeat(65), "minilm-l6"])
      await expect(put(name, "minilm-l6")).rejects.toMatchObject({ code: "invalid_value", param: "name" });
    await expect(put("a", "ft:nothing")).rejects.toMatchObject({ code: "model_not_found" });
    for (const share of [-0.1, 1.1, Number.NaN])
      await expect(put("a", "minilm-l6", share)).rejects.toMatchObject({ param: "canary.share" });
    await put("__proto__", "minilm-l6");
    expect(await getAlias(service, tenant, "__proto__")).toMatchObject({ target: { model: "minilm-l6" } });
    await expect(rollbackAlias(service, tenant, "__proto__")).rejects.toMatchObject({
      code: "no_previous_target",
    });
    await expect(getAlias(service, tenant, "constructor")).rejects.toMatchObject({ code: "not_found" });
  });
});

/** Every prompt that a model names has its bytes, and there are no others. */
async function expectWhole(service: TestService, tenant: TenantId): Promise<void> {
  const blobs: string[] = [];
  for await (const { path } of service.blobs.list(tenant, "prompts/")) blobs.push(path);
  const prompts = (await PROMPTS.list(service, tenant)).rows;
  expect(blobs).toEqual(prompts.map(({ id }) => `prompts/${id}.safetensors`));
  expect((await CLAIMS.list(service, tenant)).rows).toEqual([]);
  const { data } = await listModels(service, tenant);
  const counts = new Map<string, number>();
  for (const { promptId } of data) counts.set(promptId, (counts.get(promptId) ?? 0) + 1);
  expect(new Map(prompts.map(({ id, value }) => [id, value.models]))).toEqual(counts);
}
