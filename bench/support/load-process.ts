import { setTimeout } from "node:timers/promises";
import { type Call, asker } from "./ask.ts";
import type { Load, LoadPlan } from "./load.ts";
import { latencies } from "./percentile.ts";

/** The other end of `load`. */
process.once("message", async (plan: LoadPlan) => {
  process.send?.(await run(plan), () => process.disconnect());
});

async function run({ url, connections, calls, seconds, perSecond }: LoadPlan): Promise<Load> {
  const { ask, close } = asker(url, connections);
  const ms: number[] = [];
  let failures = 0;
  let sent = 0;
  const started = performance.now();
  const end = started + 1000 * seconds;

  const client = async () => {
    for (;;) {
      const at = sent++;
      const due = perSecond === undefined ? performance.now() : started + (1000 * at) / perSecond;
      if (due >= end) return;
      if (due > performance.now()) await setTimeout(due - performance.now());
      const { status } = await ask(calls[at % calls.length] as Call).catch(() => ({ status: 0 }));
      ms.push(performance.now() - due);
      if (status !== 200) failures++;
    }
  };
  await Promise.all(Array.from({ length: connections }, client));
  const took = (performance.now() - started) / 1000;
  close();
  return { answers: ms.length, failures, requestsPerSecond: ms.length / took, ...latencies(ms) };
}
