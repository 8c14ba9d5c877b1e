import type { TenantId } from "@kilotune/contract";
import { beforeEach, describe, expect, it } from "vitest";
import { echo, embedLine, linesOf, manyLines, newBatch, run } from "./batch.fixtures.ts";
import { cancelBatch, getBatch, listBatches } from "./batches.ts";
import { createBatch } from "./create-batch.ts";
import { eraseTenant } from "./erase.ts";
import { deleteFile, getFile, listFiles } from "./files.ts";
import { readQuota } from "./quota.ts";
import { sweep } from "./retention.ts";
import { tuned, upload, world } from "./service.fixtures.ts";
import { restartJobs } from "./steer-job.ts";
import { createTenant } from "./tenants.ts";
import type { TestService } from "./testing.ts";
import { getUsage } from "./usage.ts";

let service: TestService;
let tenant: TenantId;
beforeEach(async () => {
  ({ service, tenant } = await world());
});

const blobs = async () => {
  const paths: string[] = [];
  for await (const { path } of service.blobs.list(tenant, "batches/")) paths.push(path);
  return paths;
};
const usage = async () => (await getUsage(service, tenant)).data;

describe("a batch", () => {
  it("answers its lines in their order, meters each, and leaves two files", async () => {
    const model = await tuned(service, tenant, "desk");
    const ask = (id: string, body: object, more: object = {}) =>
      `${JSON.stringify({ custom_id: id, method: "POST", url: "/v1/classify", body, ...more })}\n`;
    const made = await newBatch(
      service,
      tenant,
      ask("b", { model, input: ["one", "three"] }) +
        ask("a", { model, input: "four" }) +
        "not json\n\n" +
        ask("b", { model, input: "again" }) +
        ask("c", { model, input: "x" }, { url: "/v1/embeddings" }) +
        ask("d", { model, input: "x", temperature: 1 }) +
        ask("e", { model: "nobody", input: "x" }) +
        ask("f", { model: "minilm-l6", input: "x" }),
      "/v1/classify",
    );
    expect(made).toMatchObject({ status: "validating", counts: { total: 0 } });
    await expect(deleteFile(service, tenant, made.inputFile)).rejects.toMatchObject({ code: "file_in_use" });
    const ended = await run(service, tenant, made.id);
    expect(ended).toMatchObject({ status: "completed", counts: { total: 8, completed: 2, failed: 6 } });
    const output = await linesOf(service, tenant, ended.outputFile);
    expect(output.map(({ custom_id, response }) => [custom_id, response?.body.data.length])).toEqual([
      ["b", 2],
      ["a", 1],
    ]);
    expect(output[0]?.response).toMatchObject({ status_code: 200, body: { model, object: "list" } });
    const errors = await linesOf(service, tenant, ended.errorFile);
    expect(
      errors.map(({ custom_id, error, response }) => [custom_id, error?.code ?? response?.body.error]),
    ).toEqual([
      [null, "invalid_json_line"],
      ["b", "duplicate_custom_id"],
      ["c", "invalid_url"],
      ["d", expect.objectContaining({ code: "invalid_request" })],
      ["e", expect.objectContaining({ code: "model_not_found", param: "model" })],
      ["f", expect.objectContaining({ code: "unsupported_model" })],
    ]);
    expect(await usage()).toContainEqual(expect.objectContaining({ model, requests: 2, tokens: 9 }));
    const file = await getFile(service, tenant, ended.outputFile ?? "");
    expect(file).toMatchObject({ purpose: "batch_output", filename: `${made.id}_output.jsonl` });
    expect(await blobs()).toEqual([]);
    await deleteFile(service, tenant, made.inputFile);
    expect(await run(service, tenant, made.id)).toEqual(ended);
  });

  it("counts as stored, piece by piece and then as files", async () => {
    const before = (await readQuota(service, tenant)).quota.storedBytes;
    const made = await newBatch(service, tenant, manyLines(250));
    const input = (await getFile(service, tenant, made.inputFile)).bytes;
    const seen: number[] = [];
    const ended = await run(service, tenant, made.id, {
      between: async () => void seen.push((await readQuota(service, tenant)).quota.storedBytes),
    });
    const { bytes } = await getFile(service, tenant, ended.outputFile ?? "");
    expect(new Set(seen).size).toBeGreaterThan(2);
    expect((await readQuota(service, tenant)).quota).toMatchObject({
      storedBytes: before + input + bytes,
      batches: [],
    });
  });

  it("without a single good line fails as a whole, and says why", async () => {
    const { id } = await newBatch(service, tenant, "[]\n{}\n");
    const ended = await run(service, tenant, id);
    expect(ended).toMatchObject({ status: "failed", outputFile: null, errorFile: null });
    expect(ended.errors.map(({ code, line }) => [code, line])).toEqual([
      ["invalid_json_line", 1],
      ["invalid_custom_id", 2],
    ]);
  });

  it("that has no more room keeps what it has answered", async () => {
    const { id: small } = await createTenant(service, {
      name: "Small",
      overrides: { storedBytes: 60_000 },
    });
    const made = await newBatch(service, small, manyLines(250));
    const ended = await run(service, small, made.id);
    expect(ended).toMatchObject({ status: "failed", errors: [{ code: "exceeded_quota" }] });
    const { completed } = ended.counts;
    expect(completed).toBeGreaterThan(0);
    expect(await linesOf(service, small, ended.outputFile)).toHaveLength(completed);
    expect((await getUsage(service, small)).data[0]?.requests).toBe(completed);
  });

  it("that takes longer than a day ends with what it has; the rest is in the error file", async () => {
    const { id } = await newBatch(service, tenant, manyLines(250));
    let pieces = 0;
    const ended = await run(service, tenant, id, {
      between: async () => {
        if (++pieces === 2) service.nowMs += 86_400_000;
      },
    });
    expect(ended).toMatchObject({ status: "expired", counts: { total: 250, completed: 100, failed: 150 } });
    expect(await linesOf(service, tenant, ended.outputFile)).toHaveLength(100);
    const late = await linesOf(service, tenant, ended.errorFile);
    expect([late.length, late[0]?.custom_id, late[0]?.error?.code]).toEqual([150, "r100", "batch_expired"]);
    const waiting = await newBatch(service, tenant, manyLines(3));
    service.nowMs += 86_400_000;
    expect(await run(service, tenant, waiting.id)).toMatchObject({
      status: "expired",
      counts: { total: 3, failed: 3 },
    });
  });

  it("waits where the model may soon answer again, and tells no path where it never will", async () => {
    const { id } = await newBatch(
      service,
      tenant,
      manyLines(2) + embedLine("bad", "damaged") + embedLine("busy", "busy"),
    );
    await expect(run(service, tenant, id)).rejects.toMatchObject({ code: "store_busy" });
    expect(await usage()).toEqual([]);
    const patient = {
      ...echo,
      embed: (call: Parameters<typeof echo.embed>[0]) =>
        echo.embed({ ...call, inputs: call.inputs.map((text) => text.replace("busy", "free")) }),
    };
    const ended = await run(service, tenant, id, { inference: patient });
    expect(ended.counts).toEqual({ total: 4, completed: 3, failed: 1 });
    const [refused] = await linesOf(service, tenant, ended.errorFile);
    expect(refused?.response?.status_code).toBe(500);
    expect(JSON.stringify(refused)).not.toContain("/data/x");
  });

  it("of many models at once is metered for each, never with more than a write can hold", async () => {
    const models: string[] = [];
    for (let at = 0; at < 30; at++) models.push(await tuned(service, tenant, `m${at}`));
    const line = (at: number) =>
      `${JSON.stringify({ custom_id: `${at}`, method: "POST", url: "/v1/classify", body: { model: models[at % 30], input: "x" } })}\n`;
    const text = Array.from({ length: 60 }, (_, at) => line(at)).join("");
    const { id } = await newBatch(service, tenant, text, "/v1/classify");
    await run(service, tenant, id);
    const rows = (await usage()).filter(({ requests }) => requests > 0);
    expect(rows.map(({ requests }) => requests)).toEqual(models.map(() => 2));
  });
});

describe("asking for a batch", () => {
  it("again is the same one, while it lasts or just after; with a key for a day", async () => {
    const first = await newBatch(service, tenant, manyLines(1));
    const request = { inputFile: first.inputFile, endpoint: "/v1/embeddings" } as const;
    expect((await createBatch(service, tenant, request)).id).toBe(first.id);
    await run(service, tenant, first.id);
    expect((await createBatch(service, tenant, request)).id).toBe(first.id);
    service.nowMs += 61_000;
    expect((await createBatch(service, tenant, request)).id).not.toBe(first.id);
    const keyed = () => createBatch(service, tenant, request, { key: "k", body: "b" });
    expect((await keyed()).id).toBe((await keyed()).id);
    expect(service.started.filter((id) => id === first.id)).toHaveLength(2);
  });

  it("of a foreign file, of one for something else, or for the 101st, is refused", async () => {
    const { id: other } = await createTenant(service, { name: "Other" });
    const { inputFile } = await newBatch(service, other, manyLines(1));
    const ask = (file: string, metadata = {}) =>
      createBatch(service, tenant, { inputFile: file, endpoint: "/v1/embeddings", metadata });
    await expect(ask(inputFile)).rejects.toMatchObject({ code: "not_found", param: "input_file_id" });
    const rows = await upload(service, tenant);
    await expect(ask(rows.id)).rejects.toMatchObject({ code: "invalid_value", param: "input_file_id" });
    const own = await newBatch(service, tenant, manyLines(1));
    for (let at = 1; at < 100; at++) await ask(own.inputFile, { at: String(at) });
    await expect(ask(own.inputFile, { at: "100" })).rejects.toMatchObject({ code: "exceeded_quota" });
    const page = await listBatches(service, tenant, { limit: 100 });
    expect([page.data.length, page.data.at(-1)?.id]).toEqual([100, own.id]);
    await expect(getBatch(service, other, own.id)).rejects.toMatchObject({ code: "not_found" });
    expect(await restartJobs(service)).toBe(101);
  });
});

describe("the end of a batch", () => {
  it("by a cancel keeps what was answered", async () => {
    const { id } = await newBatch(service, tenant, manyLines(250));
    let pieces = 0;
    const ended = await run(service, tenant, id, {
      between: async () => {
        if (++pieces !== 2) return;
        expect((await cancelBatch(service, tenant, id)).status).toBe("cancelling");
        expect(service.stopped).toContain(id);
      },
    });
    expect(ended).toMatchObject({ status: "cancelled", counts: { total: 250, completed: 100, failed: 0 } });
    expect(await linesOf(service, tenant, ended.outputFile)).toHaveLength(100);
    expect((await cancelBatch(service, tenant, id)).status).toBe("cancelled");
    const done = await newBatch(service, tenant, manyLines(1));
    await run(service, tenant, done.id);
    await expect(cancelBatch(service, tenant, done.id)).rejects.toMatchObject({ code: "batch_ended" });
  });

  it("of its tenant is its own, without a byte left", async () => {
    const { id } = await newBatch(service, tenant, manyLines(250));
    let pieces = 0;
    const running = run(service, tenant, id, {
      between: async () => {
        if (++pieces === 2) await eraseTenant(service, tenant);
      },
    });
    await expect(running).rejects.toMatchObject({ code: "not_found" });
    expect(service.dump(tenant)).toBe("[[],[]]");
  });

  it("leaves nothing that a sweep wouldn't find", async () => {
    const { id } = await newBatch(service, tenant, manyLines(150));
    service.gate = (what) => {
      if (what.startsWith("unlink batches/")) throw new Error("killed");
      return undefined;
    };
    await expect(run(service, tenant, id)).rejects.toThrow("killed");
    service.gate = () => undefined;
    expect((await getBatch(service, tenant, id)).status).toBe("completed");
    expect(await blobs()).not.toEqual([]);
    await sweep(service);
    expect(await blobs()).toEqual([]);
    expect((await listFiles(service, tenant)).data).toHaveLength(2);
  });
});
