import type { TenantId } from "@kilotune/contract";
import { expect, it } from "vitest";
import { FairQueue } from "./fair-queue.ts";

const [a, b, c] = ["tn-a", "tn-b", "tn-c"] as TenantId[] as [TenantId, TenantId, TenantId];
const going = new AbortController().signal;

/** Turns in the order in which they began, one at a time. */
async function order(wanted: readonly (readonly [TenantId, string])[], slots = 1): Promise<string[]> {
  const queue = new FairQueue(slots);
  const begun: string[] = [];
  const turns = wanted.map(([tenant, name]) =>
    queue.run(tenant, going, async () => {
      begun.push(name);
      await new Promise((resolve) => setImmediate(resolve));
    }),
  );
  await Promise.all(turns);
  expect(queue.stats()).toEqual({ running: 0, waiting: 0 });
  return begun;
}

it("gives a tenant's first job the second turn, however many another has queued", async () => {
  const many = Array.from({ length: 5 }, (_, at) => [a, `a${at}`] as const);
  expect(await order([...many, [b, "b0"], [b, "b1"], [c, "c0"]])).toEqual([
    "a0",
    "b0",
    "c0",
    "a1",
    "b1",
    "a2",
    "a3",
    "a4",
  ]);
});

it("remembers who was served: one that comes back at once doesn't overtake who waits", async () => {
  const queue = new FairQueue(1);
  const begun: string[] = [];
  const turn = (tenant: TenantId, name: string) =>
    queue.run(tenant, going, async () => void begun.push(name));
  await turn(a, "a0");
  const held = Promise.withResolvers<void>();
  const first = queue.run(b, going, () => held.promise);
  const rest = [turn(b, "b1"), turn(a, "a1"), turn(c, "c0")];
  held.resolve();
  await Promise.all([first, ...rest]);
  expect(begun).toEqual(["a0", "c0", "a1", "b1"]);
});

it("has as many turns at once as it has slots", async () => {
  const queue = new FairQueue(2);
  const held = Promise.withResolvers<void>();
  const turns = [a, b, c].map((tenant) => queue.run(tenant, going, () => held.promise));
  await new Promise((resolve) => setImmediate(resolve));
  expect(queue.stats()).toEqual({ running: 2, waiting: 1 });
  held.resolve();
  await Promise.all(turns);
});

it("lets who is told to stop leave, and goes on after work that failed", async () => {
  const queue = new FairQueue(1);
  const held = Promise.withResolvers<void>();
  const first = queue.run(a, going, () => held.promise);
  const stop = new AbortController();
  const left = queue.run(b, stop.signal, async () => "begun");
  const last = queue.run(c, going, async () => "begun");
  stop.abort(new Error("told to"));
  await expect(left).rejects.toThrow("told to");
  expect(queue.stats()).toEqual({ running: 1, waiting: 1 });
  held.reject(new Error("failed"));
  await expect(first).rejects.toThrow("failed");
  expect(await last).toBe("begun");
  await expect(queue.run(a, stop.signal, async () => {})).rejects.toThrow("told to");
});
