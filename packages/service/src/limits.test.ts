import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { takeRate } from "./rate-limit.ts";
import { world } from "./service.fixtures.ts";
import { createTenant, getTenant, listTenants, updateTenant } from "./tenants.ts";
import { getUsage, meter } from "./usage.ts";

const LIMITS = { requestsPerMinute: 10, tokensPerMinute: 100 };

describe("the rate of requests", () => {
  it("answers limit, rest and seconds, and takes nothing where it refuses", async () => {
    const { service, tenant } = await world();
    service.nowMs += 12_300;
    const first = await takeRate(service, tenant, LIMITS, { requests: 1, tokens: 60 });
    expect(first).toEqual({
      allowed: true,
      requests: { limit: 10, remaining: 9 },
      tokens: { limit: 100, remaining: 40 },
      resetSeconds: 48,
    });
    const second = await takeRate(service, tenant, LIMITS, { requests: 1, tokens: 41 });
    expect(second).toMatchObject({ allowed: false, requests: { remaining: 9 }, tokens: { remaining: 40 } });
    expect(await takeRate(service, tenant, LIMITS, { requests: 1, tokens: 40 })).toMatchObject({
      allowed: true,
    });
    service.nowMs += 48_000;
    expect(await takeRate(service, tenant, LIMITS, { requests: 1, tokens: 99 })).toMatchObject({
      allowed: true,
    });
  });

  it("lets exactly as many through as there are, at once", async () => {
    const { service, tenant } = await world();
    const answers = await Promise.all(
      Array.from({ length: 25 }, () => takeRate(service, tenant, LIMITS, { requests: 1, tokens: 1 })),
    );
    expect(answers.filter(({ allowed }) => allowed)).toHaveLength(10);
  });
});

describe("usage", () => {
  it("adds up exactly, per day and model", async () => {
    const rows = fc.array(
      fc.record({
        model: fc.constantFrom("minilm-l6", "ft:minilm-l6:aaaabbbbccccdddd:x:abcdefgh"),
        tokens: fc.nat(1000),
        hours: fc.nat(30),
      }),
    );
    await fc.assert(
      fc.asyncProperty(rows, async (asked) => {
        const { service, tenant } = await world();
        const start = service.nowMs;
        for (const { model, tokens, hours } of asked) {
          service.nowMs = start + hours * 3_600_000;
          await meter(service, tenant, model, { requests: 1, tokens });
        }
        service.nowMs = start + 30 * 3_600_000;
        const { data } = await getUsage(service, tenant);
        expect(data.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(
          asked.reduce((sum, row) => sum + row.tokens, 0),
        );
        expect(data.reduce((sum, { requests }) => sum + requests, 0)).toBe(asked.length);
        const first = asked.filter(({ model, hours }) => model === "minilm-l6" && hours < 12);
        const day = data.find((row) => row.model === "minilm-l6" && row.day === "2026-11-25");
        expect(day?.requests ?? 0).toBe(first.length);
      }),
      { numRuns: 30 },
    );
  });

  it("takes days, both included, and refuses what is none", async () => {
    const { service, tenant } = await world();
    await meter(service, tenant, "minilm-l6", { requests: 1, tokens: 5 });
    const day = { from: "2026-11-25", to: "2026-11-25" };
    expect((await getUsage(service, tenant, day)).data).toHaveLength(1);
    expect((await getUsage(service, tenant, { from: "2026-11-26" })).data).toHaveLength(0);
    for (const from of ["2026-02-30", "yesterday", "2026-11-25T00:00"])
      await expect(getUsage(service, tenant, { from })).rejects.toMatchObject({
        code: "invalid_value",
        param: "from",
      });
  });
});

describe("tenants", () => {
  it("are made with a plan, listed, changed; a bad plan or limit is refused", async () => {
    const { service, tenant } = await world();
    const second = await createTenant(service, { name: "B", overrides: { jobsAtOnce: 9 } });
    expect(second).toMatchObject({ plan: "free", status: "active", overrides: { jobsAtOnce: 9 } });
    const { data, hasMore } = await listTenants(service, { limit: 1 });
    const rest = await listTenants(service, { after: data[0]?.id ?? "" });
    expect([hasMore, rest.hasMore, new Set([...data, ...rest.data].map(({ id }) => id))]).toEqual([
      true,
      false,
      new Set([tenant, second.id]),
    ]);
    expect(await updateTenant(service, tenant, { plan: "business" })).toMatchObject({
      name: "Acme",
      plan: "business",
    });
    for (const request of [
      { plan: "__proto__" },
      { overrides: { jobsAtOnce: -1 } },
      { overrides: { toString: 1 } },
      { name: "" },
    ])
      await expect(createTenant(service, { name: "x", ...request })).rejects.toMatchObject({
        code: "invalid_value",
      });
    for (const id of ["tn-platform", "tn-aaaabbbbccccdddd", "../x", ""])
      await expect(getTenant(service, id)).rejects.toMatchObject({ code: "not_found" });
  });
});
