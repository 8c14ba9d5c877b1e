import { PLATFORM, type TenantId } from "@kilotune/contract";
import { describe, expect, it } from "vitest";
import { listAudit } from "./audit.ts";
import { authenticate, requireScope } from "./authenticate.ts";
import { createKey, listKeys, revokeKey, rotateKey } from "./keys.ts";
import { world } from "./service.fixtures.ts";
import { updateTenant } from "./tenants.ts";

describe("a key", () => {
  it("is shown once, stored as a hash, and names its tenant", async () => {
    const { service, tenant } = await world();
    const { key, secret } = await createKey(service, tenant, { name: "ci" });
    expect(secret).toMatch(/^kt_[a-z]{16}\.[0-9a-z]{26}_[A-Za-z0-9_-]{43}$/);
    const caller = await authenticate(service, secret);
    expect(caller).toMatchObject({ tenant, key: { id: key.id, name: "ci" } });
    expect(caller.key.scopes).toEqual(["infer", "tune", "read", "manage"]);
    expect(caller.limits.jobsAtOnce).toBe(4);
    const last = secret.slice(-43);
    expect(service.dump(tenant) + service.dump(PLATFORM)).not.toContain(last);
    expect(JSON.stringify(await listKeys(service, tenant))).not.toContain("sha256");
  });

  it("that is wrong, foreign, cut, doubled or unknown gets the same answer", async () => {
    const { service, tenant } = await world();
    const other = await world();
    const { secret } = await createKey(service, tenant);
    const foreign = await createKey(other.service, other.tenant);
    const wrong = `${secret.slice(0, -1)}${secret.endsWith("A") ? "B" : "A"}`;
    const answers = new Set<unknown>();
    for (const key of [wrong, foreign.secret])
      answers.add(await authenticate(service, key).catch((error) => `${error.code} ${error.message}`));
    expect([...answers]).toEqual(["invalid_api_key The API key can't be used: it isn't known here."]);
    for (const key of [
      "",
      secret.slice(0, -1),
      secret + secret,
      `Bearer ${secret}`,
      secret.toUpperCase(),
      "kt_a.b_c",
      "k".repeat(1e6),
    ])
      await expect(authenticate(service, key)).rejects.toMatchObject({ code: "invalid_api_key" });
  });

  it("of an unknown tenant costs the reads that a wrong secret costs", async () => {
    const { service, tenant } = await world();
    const { secret } = await createKey(service, tenant);
    const reads: string[][] = [];
    for (const key of [`${secret.slice(0, -3)}AAA`, secret.replace(/^kt_.{16}/, "kt_aaaabbbbccccdddd")]) {
      const seen: string[] = [];
      service.gate = (what) => void seen.push(what.split(" ").slice(0, 2).join(" "));
      await authenticate(service, key).catch(() => {});
      reads.push(seen);
    }
    expect(reads[0]).toEqual(["read key", "read tenant"]);
    expect(reads[1]).toEqual(reads[0]);
  });

  it("expires, and tells so only to who holds the secret", async () => {
    const { service, tenant } = await world();
    const expiresAt = service.nowMs / 1000 + 10;
    const { secret } = await createKey(service, tenant, { expiresAt });
    await authenticate(service, secret);
    service.nowMs += 10_000;
    await expect(authenticate(service, secret)).rejects.toThrow("it has expired");
    await expect(authenticate(service, `${secret.slice(0, -3)}AAA`)).rejects.toThrow("isn't known");
    await expect(createKey(service, tenant, { expiresAt })).rejects.toMatchObject({ code: "invalid_value" });
  });

  it("is rotated with an overlap that never outlasts its own end; its successor lives as long as it did", async () => {
    const { service, tenant } = await world();
    const now = service.nowMs / 1000;
    const old = await createKey(service, tenant, { name: "app", scopes: ["infer"], expiresAt: now + 100 });
    service.nowMs += 30_000;
    const fresh = await rotateKey(service, tenant, old.key.id, 3600);
    expect(fresh.key).toMatchObject({ name: "app", scopes: ["infer"], expiresAt: now + 130 });
    const refusal = { code: "invalid_value", param: "id" };
    await expect(rotateKey(service, tenant, old.key.id)).rejects.toMatchObject(refusal);
    await authenticate(service, old.secret);
    service.nowMs += 70_000;
    await expect(authenticate(service, old.secret)).rejects.toThrow("expired");
    await authenticate(service, fresh.secret);
    await revokeKey(service, tenant, fresh.key.id);
    await expect(rotateKey(service, tenant, fresh.key.id)).rejects.toMatchObject(refusal);
    const forever = await createKey(service, tenant);
    const next = await rotateKey(service, tenant, forever.key.id, 60);
    expect(next.key.expiresAt).toBeNull();
    service.nowMs += 60_000;
    await expect(authenticate(service, forever.secret)).rejects.toThrow("expired");
  });

  it("is revoked at once, whatever uses it meanwhile", async () => {
    const { service, tenant } = await world();
    const { key, secret } = await createKey(service, tenant);
    await Promise.all([authenticate(service, secret), revokeKey(service, tenant, key.id)]);
    await expect(authenticate(service, secret)).rejects.toThrow("revoked");
    await revokeKey(service, tenant, key.id);
    for (const id of ["key-01jdnonsense", "../key", (await createKey(service, PLATFORM)).key.id])
      await expect(revokeKey(service, tenant, id)).rejects.toMatchObject({ code: "not_found" });
  });

  it("notes its use once a minute", async () => {
    const { service, tenant } = await world();
    const { secret } = await createKey(service, tenant);
    let writes = 0;
    service.gate = (what) => {
      if (what.startsWith("write")) writes++;
      return undefined;
    };
    for (let i = 0; i < 120; i++) {
      await authenticate(service, secret);
      service.nowMs += 1000;
    }
    expect(writes).toBe(2);
  });

  it("is refused where the tenant is suspended, and good again afterwards", async () => {
    const { service, tenant } = await world();
    const { secret } = await createKey(service, tenant);
    await updateTenant(service, tenant, { status: "suspended" });
    await expect(authenticate(service, secret)).rejects.toMatchObject({ code: "tenant_suspended" });
    await updateTenant(service, tenant, { status: "active" });
    await authenticate(service, secret);
  });
});

describe("scopes", () => {
  it("are what was asked for, and the platform's are apart", async () => {
    const { service, tenant } = await world();
    const reader = await authenticate(
      service,
      (await createKey(service, tenant, { scopes: ["read"] })).secret,
    );
    requireScope(reader, "read");
    expect(() => requireScope(reader, "tune")).toThrow("expected a key with the scope tune");
    const admin = await authenticate(service, (await createKey(service, PLATFORM)).secret);
    expect(admin).toMatchObject({ tenant: PLATFORM, key: { scopes: ["admin"] } });
    await expect(createKey(service, tenant, { scopes: ["admin"] })).rejects.toMatchObject({
      param: "scopes",
    });
    await expect(createKey(service, PLATFORM, { scopes: ["infer"] })).rejects.toMatchObject({
      param: "scopes",
    });
    await expect(createKey(service, tenant, { scopes: [] })).rejects.toMatchObject({ param: "scopes" });
    const nobody = "tn-aaaabbbbccccdddd" as TenantId;
    await expect(createKey(service, nobody)).rejects.toMatchObject({ code: "not_found" });
  });
});

it("the audit log names the key that did it, and never a secret", async () => {
  const { service, tenant } = await world();
  const { key } = await createKey(service, tenant);
  const asked = { ...service, by: key.id };
  const second = await createKey(asked, tenant, { name: "a text of a person" });
  await revokeKey(asked, tenant, second.key.id);
  const { data } = await listAudit(service, tenant);
  expect(data.map(({ by, action, target }) => [by, action, target])).toEqual([
    [key.id, "key.revoked", second.key.id],
    [key.id, "key.created", second.key.id],
    ["system", "key.created", key.id],
  ]);
  expect(JSON.stringify(data)).not.toContain("a text");
});
