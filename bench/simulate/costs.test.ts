import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { scaleOf } from "../simulate.ts";
import { adaptersOnGpus, endpointEach } from "./alternatives.ts";
import { serving } from "./assumptions.ts";
import { bill, usageOfServing } from "./cost.ts";
import { IDLE_STAGES, usageOfIdle } from "./idle.ts";
import { PRICES } from "./prices.ts";
import { replay } from "./replay.ts";
import { simulateServing } from "./serving.ts";
import { dollars, priceTable, scaleTable } from "./tables.ts";
import units from "./units.json" with { type: "json" };

describe("a bill", () => {
  it("is each line's amount by its price", () => {
    const prices = { ...PRICES, tableRead: { ...PRICES.tableRead, dollars: 2 } };
    const { total, lines } = bill({ tableRead: 3, keyMonth: 1 }, prices);
    expect([lines.tableRead, total]).toEqual([6, 7]);
  });

  it("of calls: two invocations, units as counted, an environment's seconds by its memory", () => {
    const figures = {
      ...simulateServing(serving(100, 1, 1000)),
      apiSeconds: 0.05,
      inferSeconds: 0.01,
      gets: 0.5,
    };
    const usage = usageOfServing(1000, figures);
    expect(usage).toMatchObject({
      lambdaCall: 2e6,
      tableRead: 1e6 * units.classify.reads + 1000 * units.upload.reads,
      bucketGet: 5e5,
    });
    expect(usage.lambdaGbSecond).toBeCloseTo(1e6 * (0.05 * 1 + 0.01 * 1.769), 3);
  });

  it("has a source for every price", () => {
    for (const { dollars, seen } of Object.values(PRICES)) {
      expect(dollars).toBeGreaterThan(0);
      expect(seen).toMatch(/20\d\d|undated/);
    }
  });
});

it("the alternatives: a machine for each tenant; a hundred adapters on a GPU", () => {
  const month = 730;
  expect(endpointEach(10)).toBeCloseTo(10 * month * PRICES.modelEndpointHour.dollars, 6);
  expect([1, 100, 101].map(adaptersOnGpus)).toEqual(
    [1, 1, 2].map((gpus) => gpus * month * PRICES.adapterGpuHour.dollars),
  );
});

it("the cache model is within 5 % of the real caches, given the same calls", async () => {
  const { deviation, calls, gets } = await replay({ calls: 900, tenants: 120, tokens: 8 });
  expect(calls).toBeGreaterThan(700);
  expect(gets.real).toBeGreaterThan(0.1);
  expect(deviation).toBeLessThanOrEqual(0.05);
});

describe("docs/costs.md", () => {
  const page = readFileSync(path.join(import.meta.dirname, "../../docs/costs.md"), "utf8");

  it("has the price table as it is", () => {
    expect(page).toContain(priceTable());
  });

  it("has what the simulation says of 100 and 1,000 tenants, and of stages that nobody uses", () => {
    const column = (table: string, at: number) =>
      table.split("\n").map((line) => [line.split(" | ")[0], line.replace(/ \|$/, "").split(" | ")[at]]);
    const rows = page.slice(page.indexOf("| tenants |")).split("\n\n")[0] as string;
    for (const [at, tenants] of [100, 1_000].entries())
      expect(column(rows, at + 1)).toEqual(column(scaleTable([scaleOf(tenants, 1, 400_000)]), 1));
    for (const [name, stage] of Object.entries(IDLE_STAGES))
      expect(page).toContain(`| ${name} | ${dollars(bill(usageOfIdle(stage)).total)} |`);
  });
});
