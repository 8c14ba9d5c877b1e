import { spawn } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { TenantId } from "@kilotune/contract";
import { expect, it } from "vitest";
import { openLocalStore } from "./open-local-store.ts";

const PROGRAM = path.join(import.meta.dirname, "acknowledging.fixtures.ts");
const KILLS = 10;
const tenant = "tn-killed" as TenantId;

it("has everything acknowledged after kill -9 at any moment, and nothing torn", async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-kill-"));
  let next = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const acknowledged = await killedAfter(folder, next, 20 + Math.random() * 250);
    // The next process gets the folder at once: the lock went with the one before.
    await using store = await openLocalStore(folder);
    const { records } = await store.records.list(tenant, "left", { order: "desc", limit: 1 });
    const last = (records[0]?.value.round ?? -1) as number;
    expect(last).toBeGreaterThanOrEqual(acknowledged);
    expect(last).toBeLessThanOrEqual(acknowledged + 1);
    for (let round = next; round <= last; round++) {
      const id = String(round).padStart(9, "0");
      const text = `${round} `.repeat(1 + (round % 500));
      for (const kind of ["left", "right"]) {
        expect((await store.records.read(tenant, { kind, id }))?.value).toEqual({ round, text });
      }
      const blob = await store.blobs.open(tenant, `blobs/${id}`);
      if (round <= acknowledged) expect(blob).toBeDefined();
      if (blob === undefined) continue;
      const chunks: Uint8Array[] = [];
      for await (const chunk of blob.chunks) chunks.push(chunk);
      expect(String(Buffer.concat(chunks))).toBe(text.repeat(50));
    }
    expect(await readdir(path.join(folder, "temporary"))).toEqual([]);
    // Of a round that wasn't acknowledged the records may be there without the count.
    const rounds = (await store.records.read(tenant, { kind: "count", id: "rounds" }))?.value.rounds ?? 0;
    expect(rounds).toBeGreaterThanOrEqual(acknowledged + 1 - kill);
    expect(rounds).toBeLessThanOrEqual(last + 1);
    next = last + 1;
  }
  expect(next).toBeGreaterThan(KILLS);
  await rm(folder, { recursive: true });
});

/** The last round that the program acknowledged before it was killed, so many milliseconds after it had opened. */
async function killedAfter(folder: string, first: number, ms: number): Promise<number> {
  const child = spawn(process.execPath, ["--no-warnings", PROGRAM, folder, String(first)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let printed = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
  });
  child.stdout.once("data", () => setTimeout(() => child.kill("SIGKILL"), ms));
  const signal = await new Promise((resolve) => child.on("close", (_, by) => resolve(by)));
  expect(signal).toBe("SIGKILL");
  const whole = printed.slice(0, printed.lastIndexOf("\n")).split("\n").slice(1);
  return Number(whole.at(-1) ?? first - 1);
}
