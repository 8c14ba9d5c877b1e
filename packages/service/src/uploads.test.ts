import type { TenantId } from "@kilotune/contract";
import { beforeEach, describe, expect, it } from "vitest";
import { getFile } from "./files.ts";
import { createTenant } from "./tenants.ts";
import { type TestService, testService } from "./testing.ts";
import { addUploadPart, cancelUpload, completeUpload, createUpload } from "./uploads.ts";
import { sweep } from "./retention.ts";

const ROWS = '{"text":"Where is it?","label":"shipping"}\n{"text":"Refund me","label":"billing"}\n';

let service: TestService;
let tenant: TenantId;

beforeEach(async () => {
  service = testService();
  tenant = (await createTenant(service, { name: "Acme" })).id;
});

async function* chunksOf(text: string): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(text);
}

const begin = (bytes = ROWS.length) =>
  createUpload(service, tenant, { bytes, filename: "train.jsonl", purpose: "fine-tune" });
const add = (id: string, text: string) => addUploadPart(service, tenant, id, chunksOf(text));
const partBlobs = async () => {
  const paths: string[] = [];
  for await (const { path } of service.blobs.list(tenant, "uploads/")) paths.push(path);
  return paths;
};

describe("uploads", () => {
  it("joins parts in the order named, whatever the order they came in", async () => {
    const { id } = await begin();
    const tail = await add(id, ROWS.slice(30));
    const head = await add(id, ROWS.slice(0, 30));
    const upload = await completeUpload(service, tenant, id, { partIds: [head.id, tail.id] });
    expect(upload).toMatchObject({ status: "completed", file: { bytes: ROWS.length, purpose: "fine-tune" } });
    expect(await getFile(service, tenant, upload.file?.id ?? "")).toEqual(upload.file);
    expect(await partBlobs()).toEqual([]);
  });

  it("completes once, however often it is asked", async () => {
    const { id } = await begin();
    const part = await add(id, ROWS);
    const first = await completeUpload(service, tenant, id, { partIds: [part.id] });
    expect(await completeUpload(service, tenant, id, { partIds: [part.id] })).toEqual(first);
    await expect(cancelUpload(service, tenant, id)).rejects.toMatchObject({ code: "invalid_upload" });
  });

  it("stays open where the linter refuses the whole", async () => {
    const { id } = await begin(10);
    const part = await add(id, "not json \n");
    await expect(completeUpload(service, tenant, id, { partIds: [part.id] })).rejects.toMatchObject({
      code: "invalid_training_file",
    });
    expect((await cancelUpload(service, tenant, id)).status).toBe("cancelled");
    expect(await partBlobs()).toEqual([]);
  });

  it("takes a part again whose answer was lost", async () => {
    const { id } = await begin();
    const lost = await add(id, ROWS);
    const again = await add(id, ROWS);
    expect(again.id).not.toBe(lost.id);
    const upload = await completeUpload(service, tenant, id, { partIds: [again.id] });
    expect(upload.status).toBe("completed");
    expect(await partBlobs()).toEqual([]);
  });

  it("refuses other bytes than were announced: fewer, twice, far more, or of another sum", async () => {
    const { id } = await begin();
    const part = await add(id, ROWS);
    await add(id, ROWS.slice(1));
    await expect(add(id, "xx")).rejects.toMatchObject({ code: "invalid_upload" });
    const complete = (partIds: string[], md5?: string) =>
      completeUpload(service, tenant, id, { partIds, ...(md5 === undefined ? {} : { md5 }) });
    await expect(complete([part.id, part.id])).rejects.toMatchObject({ code: "invalid_upload" });
    await expect(complete(["part-00000000000000000000000000"])).rejects.toMatchObject({ code: "not_found" });
    await expect(complete([part.id], "0".repeat(32))).rejects.toMatchObject({ code: "invalid_upload" });
    expect((await complete([part.id])).status).toBe("completed");
  });

  it("gives a cancel that was answered its way over a completion under way", async () => {
    const { id } = await begin();
    const part = await add(id, ROWS);
    let cancelled: Promise<unknown> | undefined;
    service.gate = (what) => {
      if (!what.startsWith("put files/") || cancelled) return undefined;
      cancelled = cancelUpload(service, tenant, id);
      return cancelled.then(() => {});
    };
    await expect(completeUpload(service, tenant, id, { partIds: [part.id] })).rejects.toThrow();
    service.gate = () => undefined;
    const files: string[] = [];
    for await (const { path } of service.blobs.list(tenant, "")) files.push(path);
    expect(files).toEqual([]);
  });

  it("counts what is announced against the plan, and sweeps what is never completed", async () => {
    const { id } = await begin(500e6);
    await add(id, ROWS);
    await expect(begin(510e6)).rejects.toMatchObject({ code: "exceeded_quota" });
    service.nowMs += 3_600_000;
    await expect(add(id, "x")).rejects.toMatchObject({ code: "invalid_upload" });
    service.nowMs += 6 * 3_600_000;
    await sweep(service);
    expect(await partBlobs()).toEqual([]);
    await expect(cancelUpload(service, tenant, id)).rejects.toMatchObject({ code: "not_found" });
  });

  it("knows no foreign upload", async () => {
    const { id } = await begin();
    const other = (await createTenant(service, { name: "Other" })).id;
    await expect(addUploadPart(service, other, id, chunksOf("x"))).rejects.toMatchObject({
      code: "not_found",
    });
    await expect(cancelUpload(service, other, id)).rejects.toMatchObject({ code: "not_found" });
  });
});
