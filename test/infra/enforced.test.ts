import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { S3Client, S3ServiceException } from "@aws-sdk/client-s3";
import type { TenantId } from "@kilotune/contract";
import { openAwsStore } from "@kilotune/store/aws";
import { afterAll, describe, expect, it } from "vitest";
import { startAws } from "../../packages/store/src/aws/emulator.fixtures.ts";
import { describeBlobs } from "../../packages/store/src/contract-suite/blobs.ts";
import { describeRecords } from "../../packages/store/src/contract-suite/records.ts";
import { MovableClock, newTenant } from "../../packages/store/src/contract-suite/store-under-test.ts";
import { SST_PLATFORM } from "../setup/sst-platform.ts";
import { fakeArtifacts } from "./artifacts.fixtures.ts";
import { IAM_REQUESTS } from "./aws-calls.ts";
import { harvest, type Inputs } from "./harvest.ts";
import { isAllowed, type Statement } from "./iam.ts";
import { all, statementsOfRole } from "./rules.ts";

/**
 * The store's whole contract suite as the tenant role: no emulator enforces policies, so every call is first asked of the
 * rendered ones. A right that is missing fails the suite; a call on another tenant's data is refused.
 */
const aws = existsSync(SST_PLATFORM) ? await startAws() : undefined;
afterAll(() => aws?.stop());

describe.skipIf(aws === undefined)("a store whose calls IAM is asked about", async () => {
  if (aws === undefined) return;
  const { statements, tableArn, bucketArn } = await tenantPolicy();

  /** Clients whose calls are those of the tenant role, taken on for `session`. */
  const clientsAs = (session: TenantId) => {
    const places = { table: tableArn, bucket: bucketArn };
    const clients = { dynamo: new DynamoDBClient(aws.config), s3: new S3Client(aws.s3Config) };
    for (const client of [clients.dynamo as unknown as S3Client, clients.s3])
      client.middlewareStack.add(
        (next, { commandName = "" }) =>
          async (args) => {
            const ask = (action: (typeof IAM_REQUESTS)[string] | undefined, input: Inputs) => {
              if (action === undefined) throw new Error(`${commandName}: not known to aws-calls.ts`);
              return action(input, places).every((request) =>
                isAllowed(statements, {
                  ...request,
                  context: { ...request.context, "aws:PrincipalTag/tenant": session },
                }),
              );
            };
            if (!ask(IAM_REQUESTS[commandName], args.input as Inputs)) throw denied();
            try {
              return await next(args);
            } catch (error) {
              const isMissing = error instanceof S3ServiceException && error.$metadata.httpStatusCode === 404;
              // As S3 does where a role may not list the bucket as a whole.
              if (isMissing && !ask(IAM_REQUESTS.ListObjectsV2Command, {})) throw denied();
              throw error;
            }
          },
        { step: "initialize" },
      );
    return clients;
  };

  /** @param as whose session makes the calls; left out: that of the tenant whose data are asked for */
  const openAs = async (clock: MovableClock | undefined, as?: TenantId) => {
    const plain = await aws.open(clock ?? new MovableClock());
    const kept = new Map<TenantId, ReturnType<typeof clientsAs>>();
    const clientsOf = (tenant: TenantId) => {
      const session = as ?? tenant;
      const clients = kept.get(session) ?? clientsAs(session);
      kept.set(session, clients);
      return clients;
    };
    const store = openAwsStore({
      table: plain.name,
      bucket: plain.name,
      ...aws.clients(),
      clientsOf,
      ...(clock && { clock }),
    });
    const cleanup = async () => {
      for (const { dynamo, s3 } of kept.values()) {
        dynamo.destroy();
        s3.destroy();
      }
      await plain.cleanup();
    };
    return { ...store, plain, cleanup };
  };

  const open = (clock: MovableClock) => openAs(clock);
  describeRecords("DynamoDB as a tenant", open as never, { runs: 3 });
  describeBlobs("S3 as a tenant", open as never);

  it("refuses every call on another tenant's data, and does nothing", async () => {
    const [me, other] = [newTenant(), newTenant()];
    const store = await openAs(undefined, me);
    const key = { kind: "job", id: "1" };
    await store.plain.records.write(other, [{ put: key, value: { n: 1 }, expect: "absent" }]);
    await store.plain.blobs.put(other, "files/1", Buffer.from("theirs"));
    const calls: Readonly<Record<string, () => Promise<unknown>>> = {
      read: () => store.records.read(other, key),
      list: () => store.records.list(other, "job"),
      write: () => store.records.write(other, [{ put: key, value: { n: 2 }, expect: "any" }]),
      remove: () => store.records.write(other, [{ remove: key, expect: "any" }]),
      add: () => store.records.add(other, key, { n: 1 }),
      eraseRecords: () => store.records.eraseTenant(other),
      put: () => store.blobs.put(other, "files/2", Buffer.from("mine")),
      putLarge: () => store.blobs.put(other, "files/3", Buffer.alloc(6_000_000)),
      open: () => store.blobs.open(other, "files/1"),
      openMissing: () => store.blobs.open(other, "files/9"),
      listBlobs: async () => {
        for await (const blob of store.blobs.list(other, "")) expect(blob).toBeUndefined();
      },
      removeBlob: () => store.blobs.remove(other, "files/1"),
      eraseBlobs: () => store.blobs.eraseTenant(other),
    };
    for (const [name, call] of Object.entries(calls))
      await expect(call(), name).rejects.toMatchObject({ code: "store_denied" });
    expect((await store.plain.records.read(other, key))?.value).toEqual({ n: 1 });
    const left: string[] = [];
    for await (const { path } of store.plain.blobs.list(other, "")) left.push(path);
    expect(left).toEqual(["files/1"]);
    await store.cleanup();
  });
});

async function tenantPolicy(): Promise<{
  readonly statements: readonly Statement[];
  readonly tableArn: string;
  readonly bucketArn: string;
}> {
  const artifacts = fakeArtifacts();
  const stack = await harvest({
    stage: "production",
    secrets: { AdminKeyHash: "a".repeat(64) },
    environment: { KILOTUNE_ARTIFACTS: artifacts },
  });
  await rm(artifacts, { recursive: true });
  const [table] = all(stack, "aws:dynamodb/table:Table");
  const [bucket] = all(stack, "aws:s3/bucket:Bucket");
  return {
    statements: statementsOfRole(stack, "tenant"),
    tableArn: `arn:aws:dynamodb:us-east-1:123456789012:table/${table?.inputs.name}`,
    bucketArn: `arn:aws:s3:::${bucket?.inputs.bucket}`,
  };
}

function denied(): S3ServiceException {
  return new S3ServiceException({
    name: "AccessDenied",
    $fault: "client",
    $metadata: { httpStatusCode: 403 },
    message: "Access Denied",
  });
}
