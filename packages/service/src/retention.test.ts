import type { TenantId } from "@kilotune/contract";
import { expect, it } from "vitest";
import { addCheckpoint, listCheckpoints } from "./checkpoints.ts";
import { sweep } from "./retention.ts";
import { finishJob } from "./run-job.ts";
import { startedJob, success, upload, world } from "./service.fixtures.ts";
import type { TestService } from "./testing.ts";

const HOUR = 3_600_000;

/** How often a sweep reads or writes anything but the notes of whom to look at. */
async function callsOfSweep(service: TestService): Promise<number> {
  let calls = 0;
  service.gate = (what) => {
    if (what !== "list pending") calls++;
    return undefined;
  };
  await sweep(service);
  service.gate = () => undefined;
  return calls;
}

it("a sweep leaves a tenant alone until something of its has had its time, or is new", async () => {
  const { service, tenant } = await world();
  const { id } = await startedJob(service, tenant);
  const { promptId, bytes } = success("half way");
  await addCheckpoint(service, tenant, id, { step: 1, metrics: {}, promptId, bytes });
  service.nowMs += 2 * HOUR;
  // As long as it works, each time.
  expect([(await callsOfSweep(service)) > 0, (await callsOfSweep(service)) > 0]).toEqual([true, true]);
  await finishJob(service, tenant, id, success("prompt"));
  service.nowMs += HOUR;
  expect(await callsOfSweep(service)).toBeGreaterThan(0);
  for (let hour = 0; hour < 5; hour++) {
    service.nowMs += HOUR;
    expect(await callsOfSweep(service)).toBe(0);
  }
  await upload(service, tenant, '{"text":"a","label":"a"}\n{"text":"b","label":"b"}\n');
  expect(await callsOfSweep(service)).toBeGreaterThan(0);
  service.nowMs += 2 * HOUR;
  await sweep(service);
  expect(await callsOfSweep(service)).toBe(0);
  expect(await checkpoints(service, tenant, id)).toBe(1);
  service.nowMs += 31 * 24 * HOUR;
  await sweep(service);
  expect(await checkpoints(service, tenant, id)).toBe(0);
  // Nothing is left to come back for.
  service.nowMs += 2 * HOUR;
  await sweep(service);
  expect(await callsOfSweep(service)).toBe(0);
});

async function checkpoints(service: TestService, tenant: TenantId, job: string): Promise<number> {
  return (await listCheckpoints(service, tenant, job)).data.length;
}
