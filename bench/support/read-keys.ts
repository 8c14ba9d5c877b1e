import { readFile } from "node:fs/promises";
import { authenticate, type Service } from "@kilotune/service";
import { openLocalStore } from "@kilotune/store/local";
import { latencies } from "./percentile.ts";

/** What the process of the bench `keys` that authenticates tells of itself. */
export interface KeysRead {
  readonly good: number;
  readonly accepted: number;
  /** With a letter of its secret changed. */
  readonly bad: number;
  readonly refused: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly peakMb: number;
}

const [, , data = "", secretsFile = ""] = process.argv;
const secrets = (await readFile(secretsFile, "utf8")).split("\n");
const store = await openLocalStore(data);
const idle = async () => {};
const service: Service = {
  records: store.records,
  blobs: store.blobs,
  clock: { now: () => new Date() },
  backbones: new Map(),
  workflow: { start: idle, stop: idle },
};
const ms: number[] = [];
const counts = { good: 0, accepted: 0, bad: 0, refused: 0 };
for (const [at, secret] of secrets.entries()) {
  const isGood = at % 10 > 0;
  const last = secret.at(-1) === "A" ? "E" : "A";
  counts[isGood ? "good" : "bad"]++;
  const start = performance.now();
  try {
    // The first use of a key is also noted, as a write.
    await authenticate(service, isGood ? secret : secret.slice(0, -1) + last);
    if (isGood) counts.accepted++;
  } catch {
    if (!isGood) counts.refused++;
  }
  ms.push(performance.now() - start);
  // As a server does between two requests: timers and the store's thread get their turn.
  if (at % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
}
await store.close();
const result: KeysRead = {
  ...counts,
  ...latencies(ms),
  peakMb: process.resourceUsage().maxRSS / 1e3,
};
process.send?.(result, () => process.disconnect());
