import type { AssumeRoleCommand, STSClient } from "@aws-sdk/client-sts";
import { PLATFORM, type TenantId } from "@kilotune/contract";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { newTenant } from "../contract-suite/store-under-test.ts";
import { makeTableAndBucket } from "../testing/table-and-bucket.ts";
import { startAws } from "./emulator.fixtures.ts";
import { openAwsStore } from "./open-aws-store.ts";
import { type AwsClients, type ClientsOf, tenantClients } from "./tenant-clients.ts";

const aws = await startAws();
afterAll(() => aws?.stop());

describe.skipIf(aws === undefined)("a tenant's own credentials", () => {
  const { clients, others, config, s3Config } = aws ?? ({} as NonNullable<typeof aws>);
  const roleArn = "arn:aws:iam::000000000000:role/tenant";
  const name = "tenant-clients";
  let own: AwsClients;
  let sts: STSClient;
  let assumed: AssumeRoleCommand["input"][];
  /** Token of the session that made each call, by tenant asked for; undefined: the function's own. */
  let signers: (string | undefined)[];
  let clientsOf: ClientsOf;

  beforeAll(async () => {
    const { dynamo, s3 } = clients();
    await makeTableAndBucket(dynamo, s3, name);
  });
  beforeEach(() => {
    own = clients();
    sts = others().sts;
    assumed = [];
    signers = [];
    sts.middlewareStack.add(
      (next) => (args) => {
        assumed.push(args.input as AssumeRoleCommand["input"]);
        return next(args);
      },
      { step: "initialize" },
    );
    clientsOf = watched(tenantClients({ own, sts, roleArn, dynamo: config, s3: s3Config, most: 2 }));
  });

  function watched(inner: ClientsOf): ClientsOf {
    const seen = new WeakSet<object>();
    return (tenant) => {
      const made = inner(tenant);
      for (const { middlewareStack } of [
        made.dynamo as unknown as STSClient,
        made.s3 as unknown as STSClient,
      ]) {
        if (seen.has(middlewareStack)) continue;
        seen.add(middlewareStack);
        middlewareStack.add(
          (next) => (args) => {
            const { headers } = args.request as { headers: Record<string, string> };
            signers.push(headers["x-amz-security-token"]);
            return next(args);
          },
          { step: "finalizeRequest", priority: "low" },
        );
      }
      return made;
    };
  }

  const use = async (tenant: TenantId) => {
    const store = openAwsStore({ table: name, bucket: name, ...own, clientsOf });
    await store.records.write(tenant, [{ put: { kind: "job", id: "1" }, value: { tenant }, expect: "any" }]);
    await store.blobs.put(tenant, "a", Buffer.from(tenant));
    return store;
  };

  it("signs each tenant's calls with a session that is tagged with it, assumed once", async () => {
    const [a, b] = [newTenant(), newTenant()];
    await use(a);
    const store = await use(b);
    await use(a);
    expect((await store.records.read(a, { kind: "job", id: "1" }))?.value).toEqual({ tenant: a });
    expect(signers.every((token) => token !== undefined)).toBe(true);
    expect(new Set(signers).size).toBe(2);
    expect(assumed).toHaveLength(2);
    for (const { Tags, RoleSessionName, RoleArn, DurationSeconds } of assumed) {
      expect(Tags).toEqual([{ Key: "tenant", Value: RoleSessionName }]);
      expect([a, b]).toContain(RoleSessionName);
      expect({ RoleArn, DurationSeconds }).toEqual({ RoleArn: roleArn, DurationSeconds: 3600 });
    }
  });

  it("leaves the platform's own to the function's role", async () => {
    await use(PLATFORM);
    expect(assumed).toEqual([]);
    expect(signers.every((token) => token === undefined)).toBe(true);
  });

  it("keeps the clients of few tenants, and refuses what is no tenant before it assumes anything", async () => {
    const [a, b, c] = [newTenant(), newTenant(), newTenant()];
    const first = clientsOf(a);
    clientsOf(b);
    expect(clientsOf(a)).toBe(first);
    clientsOf(c);
    expect(clientsOf(a)).toBe(first);
    const store = await use(a);
    assumed = [];
    for (const bad of ["tn-A", "tn-../x", ""] as TenantId[])
      await expect(store.records.read(bad, { kind: "job", id: "1" })).rejects.toMatchObject({
        code: "bad_store_call",
      });
    expect(assumed).toEqual([]);
  });

  it("says what may pass and what doesn't, of assuming too", async () => {
    const failing = (error: string) => {
      const broken = others().sts;
      broken.middlewareStack.add(
        () => () => {
          throw Object.assign(new Error(error), { name: error, $metadata: { httpStatusCode: 400 } });
        },
        { step: "initialize" },
      );
      const of = tenantClients({ own, sts: broken, roleArn, dynamo: config, s3: s3Config });
      return openAwsStore({ table: name, bucket: name, ...own, clientsOf: of });
    };
    const read = (error: string) => failing(error).records.read(newTenant(), { kind: "job", id: "1" });
    const open = (error: string) => failing(error).blobs.open(newTenant(), "a");
    for (const ask of [read, open]) {
      await expect(ask("Throttling")).rejects.toMatchObject({ code: "store_busy", retryable: true });
      await expect(ask("AccessDenied")).rejects.toMatchObject({ code: "store_denied", kind: "machine" });
    }
  });
});
