import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createFile } from "./create-file.ts";
import { deleteFile, getFile, listFiles, openFile } from "./files.ts";
import { CLAIMS, FILES } from "./kinds.ts";
import { sweep } from "./retention.ts";
import { finishJob } from "./run-job.ts";
import { bytesOf, FAILURE, ROWS, startedJob, textOf, upload, world } from "./service.fixtures.ts";
import { updateTenant } from "./tenants.ts";
import { getUsage } from "./usage.ts";

describe("a file", () => {
  it("comes back as it was sent, under a name that never is a path", async () => {
    const { service, tenant } = await world();
    const file = await upload(service, tenant, ROWS, "../../etc/träin\u0000.jsonl");
    expect(file).toMatchObject({
      bytes: ROWS.length,
      purpose: "fine-tune",
      filename: "../../etc/träin\u0000.jsonl",
    });
    const { chunks } = await openFile(service, tenant, file.id);
    expect(await textOf(chunks)).toBe(ROWS);
    expect((await getUsage(service, tenant)).storedBytes).toBe(ROWS.length);
    for await (const { path } of service.blobs.list(tenant, "")) expect(path).toBe(`files/${file.id}`);
  });

  it("with bad lines is refused with every one of them, and nothing of it stays", async () => {
    const { service, tenant } = await world();
    const before = service.dump(tenant);
    const text = `${ROWS}{"text":"a"}\n{"text":"b","label":"x"}\nnonsense\n`;
    await expect(upload(service, tenant, text)).rejects.toMatchObject({
      code: "invalid_training_file",
      param: "file",
      issues: [
        { line: 3, code: "label_missing" },
        { line: 5, code: "bad_json" },
      ],
    });
    expect(service.dump(tenant)).toBe(before);
    const utf16 = Buffer.from(`\ufeff${ROWS}`, "utf16le");
    const request = { filename: "x.jsonl", purpose: "fine-tune" };
    await expect(createFile(service, tenant, request, parts(utf16))).rejects.toMatchObject({
      issues: [{ code: "utf16" }],
    });
    await expect(upload(service, tenant, "")).rejects.toMatchObject({ issues: [{ code: "empty_file" }] });
    await upload(service, tenant, "text,label\na,x\nb,y\n", "train.csv");
  });

  it("isn't read to its end where the rest can't be read", async () => {
    const { service, tenant } = await world();
    let pulled = 0;
    async function* endless() {
      for (;;) {
        if (++pulled > 1000) throw new Error("still reading");
        yield new Uint8Array(65_536).fill(97);
      }
    }
    const request = { filename: "x.jsonl", purpose: "fine-tune" };
    await expect(createFile(service, tenant, request, endless())).rejects.toMatchObject({
      issues: [{ code: "line_too_long" }],
    });
    expect(pulled).toBeLessThan(25);
  });

  it("whose sender hangs up leaves nothing", async () => {
    const { service, tenant } = await world();
    async function* broken() {
      yield* bytesOf(ROWS);
      throw new Error("connection reset");
    }
    const before = service.dump(tenant);
    const request = { filename: "x.jsonl", purpose: "fine-tune" };
    await expect(createFile(service, tenant, request, broken())).rejects.toThrow("connection reset");
    expect(service.dump(tenant)).toBe(before);
  });

  it("past the plan's bytes is refused while it comes; two at once can't pass them together", async () => {
    const { service, tenant } = await world();
    await updateTenant(service, tenant, { overrides: { storedBytes: ROWS.length + 10 } });
    const files = await Promise.allSettled([
      upload(service, tenant),
      upload(service, tenant, ROWS, "b.jsonl"),
    ]);
    expect(files.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    await expect(upload(service, tenant, ROWS, "c.jsonl")).rejects.toMatchObject({ code: "exceeded_quota" });
    let blobs = 0;
    for await (const _ of service.blobs.list(tenant, "")) blobs++;
    expect(blobs).toBe(1);
  });

  it("of another purpose isn't linted as rows; a batch must be lines, and not too many", async () => {
    const { service, tenant } = await world();
    const create = (purpose: string, text: string) =>
      createFile(service, tenant, { filename: "f", purpose }, bytesOf(text));
    await create("user_data", "\u0000 anything");
    const good = '{"custom_id":"1","method":"POST","url":"/v1/classify","body":{}}\n';
    await create("batch", `${good}${good}not json\n`);
    const faulty = { bytes: "\u0000\u0000", many: "x\n".repeat(50_001) };
    await expect(create("batch", faulty.bytes)).rejects.toMatchObject({ code: "invalid_training_file" });
    await expect(create("batch", faulty.many)).rejects.toMatchObject({
      issues: [{ line: 50_001, code: "too_many_requests" }],
    });
    await expect(create("batch", "\n")).rejects.toMatchObject({ issues: [{ code: "no_rows" }] });
    await expect(create("batch_output", good)).rejects.toMatchObject({ param: "purpose" });
  });

  it("sent again is the same file; with a key whatever happens, and never another", async () => {
    const { service, tenant } = await world();
    const [a, b] = await Promise.all([upload(service, tenant), upload(service, tenant)]);
    expect(b).toEqual(a);
    expect((await listFiles(service, tenant)).data).toHaveLength(1);
    await deleteFile(service, tenant, a.id);
    const anew = await upload(service, tenant);
    expect(anew.id).not.toBe(a.id);
    service.nowMs += 16 * 60_000;
    expect((await upload(service, tenant)).id).not.toBe(anew.id);
    const request = { filename: "k.jsonl", purpose: "fine-tune", idempotencyKey: "k1" };
    const first = await createFile(service, tenant, request, bytesOf(ROWS));
    await deleteFile(service, tenant, first.id);
    expect(await createFile(service, tenant, request, bytesOf(ROWS))).toEqual(first);
    await expect(createFile(service, tenant, request, bytesOf(`${ROWS}\n`))).rejects.toMatchObject({
      code: "idempotency_key_reused",
    });
  });

  it("that a job reads can't be deleted until the job has ended", async () => {
    const { service, tenant } = await world();
    const job = await startedJob(service, tenant);
    await expect(deleteFile(service, tenant, job.trainingFile)).rejects.toMatchObject({
      code: "file_in_use",
    });
    await finishJob(service, tenant, job.id, FAILURE);
    await deleteFile(service, tenant, job.trainingFile);
    await expect(getFile(service, tenant, job.trainingFile)).rejects.toMatchObject({ code: "not_found" });
    expect((await getUsage(service, tenant)).storedBytes).toBe(0);
  });

  it("expires, but not under a job", async () => {
    const { service, tenant } = await world();
    const request = { filename: "x.jsonl", purpose: "fine-tune", expiresAfterSeconds: 3600 };
    const file = await createFile(service, tenant, request, bytesOf(ROWS));
    const job = await startedJob(service, tenant, { trainingFile: file.id });
    service.nowMs += 3_600_000;
    await openFile(service, tenant, file.id);
    expect(await sweep(service)).toMatchObject({ files: 0 });
    await finishJob(service, tenant, job.id, FAILURE);
    await expect(getFile(service, tenant, file.id)).rejects.toMatchObject({ code: "not_found" });
    expect((await listFiles(service, tenant)).data).toEqual([]);
    expect(await sweep(service)).toMatchObject({ files: 1 });
    expect(await FILES.read(service, tenant, file.id)).toBeUndefined();
    expect((await getUsage(service, tenant)).storedBytes).toBe(0);
  });

  it("of another tenant, at random, or malformed: one answer", async () => {
    const { service, tenant } = await world();
    const file = await upload(service, tenant);
    const { tenant: other } = await world();
    const answers = new Set<unknown>();
    for (const id of [
      file.id,
      "file-01jdzzzzzzzzzzzzzzzzzzzzzz",
      "../x",
      "/etc",
      "%2e%2e/",
      "a\u0000",
      "x".repeat(300),
      "",
      "__proto__",
    ])
      answers.add(await getFile(service, other, id).catch((error) => `${error.code}: ${error.message}`));
    expect([...answers]).toEqual(["not_found: There is no such file."]);
  });

  it("lists the newest first, page by page, each once", async () => {
    const { service, tenant } = await world();
    const made: string[] = [];
    for (let i = 0; i < 7; i++) made.unshift((await upload(service, tenant, ROWS, `${i}.jsonl`)).id);
    const seen: string[] = [];
    for (let after: string | undefined, more = true; more; ) {
      const page = await listFiles(service, tenant, { limit: 3, ...(after && { after }) });
      seen.push(...page.data.map(({ id }) => id));
      after = seen.at(-1);
      more = page.hasMore;
    }
    expect(seen).toEqual(made);
    expect((await listFiles(service, tenant, { purpose: "batch" })).data).toEqual([]);
    await expect(listFiles(service, tenant, { limit: 0 })).rejects.toMatchObject({ param: "limit" });
    await expect(listFiles(service, tenant, { after: "x" })).rejects.toMatchObject({ param: "after" });
  });
});

it("a crash at any step of an upload or a deletion leaves a whole file or, after a sweep, nothing", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(40), fc.boolean(), async (steps, deletes) => {
      const { service, tenant } = await world();
      const whole = deletes ? await upload(service, tenant) : undefined;
      let left = steps;
      service.gate = () => {
        if (left-- <= 0) throw new Error("killed");
        return undefined;
      };
      await (whole ? deleteFile(service, tenant, whole.id) : upload(service, tenant)).catch(() => {});
      service.gate = () => undefined;
      service.nowMs += 24 * 3_600_000;
      await sweep(service);
      const { data } = await listFiles(service, tenant);
      const blobs: string[] = [];
      for await (const { path } of service.blobs.list(tenant, "")) blobs.push(path);
      expect(blobs).toEqual(data.map(({ id }) => `files/${id}`));
      expect((await getUsage(service, tenant)).storedBytes).toBe(data.length * ROWS.length);
      expect((await CLAIMS.list(service, tenant)).rows).toEqual([]);
    }),
  );
});

async function* parts(bytes: Uint8Array) {
  yield bytes;
}
