import type { TenantId } from "@kilotune/contract";
import fc from "fast-check";
import { expect, it } from "vitest";
import { once } from "./once.ts";
import { world } from "./service.fixtures.ts";
import { table } from "./table.ts";
import type { TestService } from "./testing.ts";

const THINGS = table<{ readonly n: number }>("thing");

it("concurrent repeats, in every order and with crashes between, make one thing and get one answer", async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), fc.nat(30), async (scheduler, crashAt) => {
      const { service, tenant } = await world();
      let step = 0;
      service.gate = async () => {
        if (step++ === crashAt) throw new Error("killed");
        await scheduler.schedule(Promise.resolve());
      };
      const calls = Array.from({ length: 4 }, (_, n) => makeThing(service, tenant, n).catch(() => undefined));
      const answers = (await scheduler.waitFor(Promise.all(calls))).filter((answer) => answer !== undefined);
      service.gate = () => undefined;
      const last = await makeThing(service, tenant, 99);
      const { rows } = await THINGS.list(service, tenant);
      expect(rows.map(({ value }) => value)).toEqual([last]);
      for (const answer of answers) expect(answer).toEqual(last);
    }),
    { numRuns: 300 },
  );
});

function makeThing(service: TestService, tenant: TenantId, n: number) {
  return once<{ n: number }>(
    service,
    tenant,
    { key: "k", body: "b" },
    {
      isStillGood: async () => true,
      async make(receipt) {
        await service.records.write(tenant, [THINGS.put(`thing-${n}`, { n }, "absent"), receipt({ n })]);
        return { n };
      },
    },
  );
}
