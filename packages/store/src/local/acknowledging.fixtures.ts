import { writeSync } from "node:fs";
import type { TenantId } from "@kilotune/contract";
import { openLocalStore } from "./open-local-store.ts";

/**
 * A program that the kill test starts: writes for ever, and prints the number of each round once the store has
 * acknowledged all of it.
 */
const [folder, first] = process.argv.slice(2) as [string, string];
const store = await openLocalStore(folder);
const tenant = "tn-killed" as TenantId;
writeSync(1, "open\n");
for (let round = Number(first); ; round++) {
  const id = String(round).padStart(9, "0");
  const text = `${round} `.repeat(1 + (round % 500));
  const pair = ["left", "right"].map(
    (kind) => ({ put: { kind, id }, value: { round, text }, expect: "absent" }) as const,
  );
  await store.records.write(tenant, pair);
  await store.records.add(tenant, { kind: "count", id: "rounds" }, { rounds: 1 });
  await store.blobs.put(tenant, `blobs/${id}`, Buffer.from(text.repeat(50)), { ifAbsent: true });
  writeSync(1, `${round}\n`);
}
