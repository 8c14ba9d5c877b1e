import type { BatchId, TenantId } from "@kilotune/contract";
import fc from "fast-check";
import { expect, it } from "vitest";
import { echo, embedLine, linesOf, manyLines, newBatch, run } from "./batch.fixtures.ts";
import type { Batch } from "./batch.ts";
import { cancelBatch, getBatch } from "./batches.ts";
import { readQuota } from "./quota.ts";
import { sweep } from "./retention.ts";
import { world } from "./service.fixtures.ts";
import type { TestService } from "./testing.ts";
import { getUsage } from "./usage.ts";
import { listFiles } from "./files.ts";

/** Two pieces. */
const COUNT = 104;
const LINES = `${manyLines(COUNT - 2)}{}\n${embedLine("r0", "twice")}`;

it("killed at any step and run again answers every line once, and meters it once", async () => {
  for (let at = 0, died = true; died; at++) {
    const { service, tenant } = await world();
    const { id } = await newBatch(service, tenant, LINES);
    died = await diesAt(service, at, () => run(service, tenant, id));
    await run(service, tenant, id);
    await expectWhole(service, tenant, id, "completed");
  }
});

it("killed again and again gets there", async () => {
  const { service, tenant } = await world();
  const { id } = await newBatch(service, tenant, LINES);
  for (let steps = 5; (await getBatch(service, tenant, id)).status !== "completed"; steps++)
    await diesAt(service, steps, () => run(service, tenant, id));
  await run(service, tenant, id);
  await expectWhole(service, tenant, id, "completed");
});

it("cancelled at any step ends once: cancelled with what counts, or completed", async () => {
  const ends = new Set<string>();
  for (let at = 0, reached = true; reached; at++) {
    const { service, tenant } = await world();
    const { id } = await newBatch(service, tenant, LINES);
    let step = 0;
    reached = false;
    service.gate = async () => {
      if (step++ !== at) return;
      reached = true;
      await cancelBatch(service, tenant, id).catch(() => {});
    };
    const { status } = await run(service, tenant, id);
    service.gate = () => undefined;
    ends.add(status);
    await expectWhole(service, tenant, id, status);
  }
  expect([...ends].sort()).toEqual(["cancelled", "completed"]);
});

it("run by two at once, in every order, answers and meters each line once", async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), async (scheduler) => {
      const { service, tenant } = await world();
      const { id } = await newBatch(service, tenant, LINES);
      service.gate = () => scheduler.schedule(Promise.resolve());
      const inference = { ...echo };
      await scheduler.waitFor(
        Promise.all([run(service, tenant, id, { inference }), run(service, tenant, id, { inference })]),
      );
      service.gate = () => undefined;
      await expectWhole(service, tenant, id, "completed");
    }),
    { numRuns: 20 },
  );
});

/** Whether it got so far. */
async function diesAt(service: TestService, steps: number, work: () => Promise<unknown>): Promise<boolean> {
  let step = 0;
  let dead = false;
  service.gate = () => {
    dead ||= step++ === steps;
    // A dead process does nothing more.
    if (dead) throw new Error("killed");
    return undefined;
  };
  await work().catch((error) => {
    if (error.message !== "killed") throw error;
  });
  service.gate = () => undefined;
  return dead;
}

async function expectWhole(
  service: TestService,
  tenant: TenantId,
  id: BatchId,
  status: Batch["status"],
): Promise<void> {
  const batch = await getBatch(service, tenant, id);
  expect(batch.status).toBe(status);
  const { completed, failed } = batch.counts;
  if (status === "completed") expect(batch.counts).toEqual({ total: COUNT, completed: COUNT - 2, failed: 2 });
  const output = await linesOf(service, tenant, batch.outputFile);
  const wanted = Array.from({ length: completed }, (_, at) => `r${at}`);
  expect(output.map(({ custom_id }) => custom_id)).toEqual(wanted);
  expect(await linesOf(service, tenant, batch.errorFile)).toHaveLength(failed);
  const [row] = (await getUsage(service, tenant)).data;
  expect([row?.requests ?? 0, row?.tokens ?? 0]).toEqual([completed, 3 * completed]);
  // What a death left is swept; then exactly what counts is stored.
  service.nowMs += 7 * 3_600_000;
  await sweep(service);
  const files = (await listFiles(service, tenant)).data;
  const paths: string[] = [];
  for await (const { path } of service.blobs.list(tenant, "")) paths.push(path);
  expect(paths.sort()).toEqual(files.map((file) => `files/${file.id}`).sort());
  const stored = files.reduce((sum, { bytes }) => sum + bytes, 0);
  expect((await readQuota(service, tenant)).quota).toMatchObject({ batches: [], storedBytes: stored });
}
