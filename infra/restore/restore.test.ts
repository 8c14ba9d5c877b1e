import { setTimeout } from "node:timers/promises";
import { RestoreTableToPointInTimeCommand } from "@aws-sdk/client-dynamodb";
import { PutBucketVersioningCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import {
  authenticate,
  createFile,
  createKey,
  createTenant,
  deleteFile,
  deleteModel,
  eraseTenant,
  finishJob,
  getFile,
  getJob,
  listFiles,
  listModels,
  openFile,
  openPrompt,
  resolveModel,
  revokeKey,
  type Service,
} from "@kilotune/service";
import { openAwsStore } from "@kilotune/store/aws";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startAws } from "../../packages/store/src/aws/emulator.fixtures.ts";
import { startedJob, success, textOf, upload } from "../../packages/service/src/service.fixtures.ts";
import type { TestService } from "../../packages/service/src/testing.ts";
import { runCommand } from "../command.ts";
import { restoreBlobs } from "./blobs.ts";
import { checkBlobs, takenBackSince } from "./check.ts";
import { RESTORE } from "./main.ts";

type Aws = NonNullable<Awaited<ReturnType<typeof startAws>>>;
let aws: Aws | undefined;
beforeAll(async () => {
  aws = await startAws();
});
afterAll(() => aws?.stop());

const clock = { now: () => new Date() };

function serviceOver(store: Pick<Service, "records" | "blobs">): TestService {
  return {
    ...store,
    clock,
    backbones: new Map([["minilm-l6", { id: "minilm-l6", createdAt: 0, layers: 6 }]]),
    workflow: { start: async () => {}, stop: async () => {} },
  } as unknown as TestService;
}

/** The walk of docs/disaster-recovery.md. The emulator's table can't be taken back in time, so it is copied at the moment. */
describe("after a disaster", () => {
  it("a table restored under another name and the bucket's old versions serve as they did", async ({
    skip,
  }) => {
    if (aws === undefined) return skip();
    const before = await aws.open(clock);
    const bucket = before.name;
    await before.s3.send(
      new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: "Enabled" } }),
    );
    const service = serviceOver(before);
    const { id: tenant } = await createTenant(service, { name: "Acme", plan: "team" });
    const { id: leaving } = await createTenant(service, { name: "Leaving", plan: "team" });
    const { secret, key } = await createKey(service, tenant, { scopes: ["infer"] });
    await upload(service, leaving);
    const { id: job } = await startedJob(service, tenant);
    const { tunedModel, trainingFile } = await finishJob(service, tenant, job, success("prompt"));

    // The moment to come back to.
    const target = `${before.name}-restored`;
    await setTimeout(1100);
    const at = new Date();
    await before.dynamo.send(
      new RestoreTableToPointInTimeCommand({
        SourceTableName: before.name,
        TargetTableName: target,
        RestoreDateTime: at,
      }),
    );
    await setTimeout(1100);

    // What happens after it: a program gone wrong, and what people did meanwhile.
    await deleteModel(service, tenant, tunedModel as string);
    await deleteFile(service, tenant, trainingFile);
    const { id: late } = await upload(
      service,
      tenant,
      '{"text":"late","label":"a"}\n{"text":"b","label":"b"}\n',
    );
    await revokeKey(service, tenant, key.id);
    await eraseTenant(service, leaving);
    const alone = `tenants/${tenant}/files/overwritten`;
    await before.s3.send(new PutObjectCommand({ Bucket: bucket, Key: alone, Body: "made since" }));

    await using restored = openAwsStore({
      table: target,
      bucket,
      dynamo: before.dynamo,
      s3: before.s3,
      clock,
    });
    const after = serviceOver(restored);
    const missing = (await checkBlobs(restored)).missing.map(({ path }) => path.split("/")[0]);
    expect(missing.sort()).toEqual(["files", "files", "prompts"]);
    const look = await restoreBlobs({ s3: before.s3, bucket, prefix: "tenants/", at, dryRun: true });
    const done = await restoreBlobs({ s3: before.s3, bucket, prefix: "tenants/", at });
    expect(done).toEqual(look);
    expect(done.restored).toHaveLength(2);
    expect((await restoreBlobs({ s3: before.s3, bucket, prefix: "tenants/", at })).restored).toEqual(
      // Copies are newer than the moment: they are made once more, of the same version.
      done.restored,
    );

    // It serves: the model, its prompt, the file, the key.
    expect((await listModels(after, tenant)).data.map(({ name }) => name)).toEqual([tunedModel]);
    const { promptId } = await resolveModel(after, tenant, tunedModel as string, "");
    expect(await textOf((await openPrompt(after, tenant, promptId as string)).chunks)).toBe("prompt");
    expect(await textOf((await openFile(after, tenant, trainingFile)).chunks)).toContain("where is my card");
    expect((await getJob(after, tenant, job)).status).toBe("succeeded");
    await createFile(after, tenant, { filename: "n.jsonl", purpose: "user_data" }, lines());

    // What is lost: everything since.
    await expect(getFile(after, tenant, late)).rejects.toMatchObject({ code: "not_found" });
    // What comes back though it was taken back: it is told by the old table, and done again.
    expect((await authenticate(after, secret)).key.id).toBe(key.id);
    expect(await takenBackSince(before.records, at)).toEqual({
      erasedTenants: [leaving],
      revokedKeys: [`${tenant} ${key.id}`],
    });
    await eraseTenant(after, leaving);
    await revokeKey(after, tenant, key.id);
    // An erased tenant's bytes don't come back: their old versions went with it.
    expect((await checkBlobs(restored)).missing).toEqual([]);
    expect((await listFiles(after, tenant)).data).toHaveLength(2);
    await before.cleanup();
  });
});

it.each([
  [["blobs", "--bucket", "b", "--at", "2026-11-25"], "expected a moment with its zone"],
  [["blobs", "--at", "2026-11-25T10:00:00Z"], "--bucket: expected a value"],
  [["everything"], "expected one of blobs, check, since"],
])("says what is wrong with %s", async (words, said) => {
  const told: string[] = [];
  const streams = { out: (text: string) => told.push(text), err: (text: string) => told.push(text) };
  expect(await runCommand(RESTORE, words, streams)).toBe(2);
  expect(told.join("")).toContain(said);
});

async function* lines(): AsyncGenerator<Uint8Array> {
  yield Buffer.from("one line\n");
}
