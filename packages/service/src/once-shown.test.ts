import { PLATFORM, type TenantId } from "@kilotune/contract";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { authenticate } from "./authenticate.ts";
import { createKey, listKeys, type NewKey, rotateKey } from "./keys.ts";
import type { SecretRepeat } from "./once-shown.ts";
import { world } from "./service.fixtures.ts";
import { createTenant, listTenants } from "./tenants.ts";
import type { TestService } from "./testing.ts";

const KEYED: SecretRepeat = { key: "k", body: "b" };
const idsOf = async (service: TestService, tenant: TenantId) =>
  (await listKeys(service, tenant, { limit: 100 })).data.map(({ id }) => id);
const refusal = (call: Promise<unknown>) =>
  call.then(
    () => expect.unreachable("it was made"),
    (error) => error,
  );

describe("a secret that is asked for again", () => {
  it("isn't made twice: who lost it is told which key has it, and what to do", async () => {
    const { service, tenant } = await world();
    const { key, secret } = await createKey(service, tenant, { name: "web" }, KEYED);
    const again = await refusal(createKey(service, tenant, { name: "web" }, KEYED));
    expect(again).toMatchObject({ code: "already_made", made: key.id, retryable: false });
    expect(again.message).toContain(key.id);
    expect(again.hint).toContain(`revoke ${key.id}`);
    expect(await idsOf(service, tenant)).toEqual([key.id]);
    await authenticate(service, secret);
    const other = await refusal(createKey(service, tenant, {}, { key: "k", body: "other" }));
    expect(other.code).toBe("idempotency_key_reused");
    service.nowMs += 25 * 3_600_000;
    expect((await createKey(service, tenant, { name: "web" }, KEYED)).key.id).not.toBe(key.id);
  });

  it("without an idempotency key is the same where the client says so, and another one where it doesn't", async () => {
    const { service, tenant } = await world();
    const first = await createKey(service, tenant, {}, { body: "b" });
    const second = await createKey(service, tenant, {}, { body: "b" });
    const third = await refusal(createKey(service, tenant, {}, { body: "b", isRetry: true }));
    expect(third.made).toBe(second.key.id);
    // The first call never arrived: its retry is the first.
    const late = await createKey(service, tenant, {}, { body: "c", isRetry: true });
    expect(await idsOf(service, tenant)).toEqual([first, second, late].map(({ key }) => key.id));
    service.nowMs += 16 * 60_000;
    await createKey(service, tenant, {}, { body: "b", isRetry: true });
  });

  it("of a rotation names the successor", async () => {
    const { service, tenant } = await world();
    const { key } = await createKey(service, tenant);
    const next = await rotateKey(service, tenant, key.id, 60, KEYED);
    expect(await refusal(rotateKey(service, tenant, key.id, 60, KEYED))).toMatchObject({ made: next.key.id });
    expect(await idsOf(service, tenant)).toHaveLength(2);
  });

  it("of a tenant names the tenant", async () => {
    const { service } = await world();
    const before = (await listTenants(service)).data.length;
    const { id } = await createTenant(service, { name: "Acme" }, KEYED);
    const again = await refusal(createTenant(service, { name: "Acme" }, KEYED));
    expect([again.made, again.hint]).toEqual([id, expect.stringContaining(`/admin/tenants/${id}/keys`)]);
    expect((await listTenants(service)).data).toHaveLength(before + 1);
  });

  it("is in no record, not even as the receipt of its making", async () => {
    const { service, tenant } = await world();
    const secrets = [
      (await createKey(service, tenant, {}, KEYED)).secret,
      (await createKey(service, PLATFORM, {}, KEYED)).secret,
    ];
    for (const dump of [service.dump(tenant), service.dump(PLATFORM)])
      for (const secret of secrets) expect(dump).not.toContain(secret.slice(-43));
  });

  it("by many at once, in every order and with crashes between, is made once and heard of once", async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.nat(30), async (scheduler, crashAt) => {
        const { service, tenant } = await world();
        let step = 0;
        service.gate = async () => {
          if (step++ === crashAt) throw new Error("killed");
          await scheduler.schedule(Promise.resolve());
        };
        const calls = Array.from({ length: 4 }, () =>
          createKey(service, tenant, {}, KEYED).catch((error: Error & { made?: string }) => error),
        );
        const answers = await scheduler.waitFor(Promise.all(calls));
        service.gate = () => undefined;
        const ids = await idsOf(service, tenant);
        expect(ids.length).toBeLessThanOrEqual(1);
        const shown = answers.filter((answer): answer is NewKey => !(answer instanceof Error));
        expect(shown.length).toBeLessThanOrEqual(1);
        for (const { key } of shown) expect(key.id).toBe(ids[0]);
        for (const answer of answers)
          if (answer instanceof Error && answer.message !== "killed") expect(answer.made).toBe(ids[0]);
        // Whoever asks last is told, or gets it.
        const last = await createKey(service, tenant, {}, KEYED).catch((error) => error);
        if (ids.length === 1) expect(last.made).toBe(ids[0]);
        else expect(last.key.id).toBe((await idsOf(service, tenant))[0]);
      }),
      { numRuns: 200 },
    );
  });
});
