import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, it } from "vitest";

/** In a process of its own: what other tests keep isn't to be measured. Megabytes of resident memory, six times on the way. */
const SCRIPT = `
import { openNodeSession } from ${JSON.stringify(new URL("node.ts", import.meta.url).href)};
import { SMALL_FEEDS, smallGraph } from ${JSON.stringify(new URL("testing.ts", import.meta.url).href)};
const settled = () => { for (let i = 0; i < 3; i++) globalThis.gc(); return process.memoryUsage.rss() / 1e6; };
const opened = [], run = [];
for (let at = 0; at < 300; at++) {
  const session = await openNodeSession(smallGraph());
  await session.run(SMALL_FEEDS);
  await session.release();
  if (at % 50 === 49) opened.push(settled());
}
const session = await openNodeSession(smallGraph());
for (let at = 0; at < 6000; at++) {
  await session.run(SMALL_FEEDS);
  if (at % 1000 === 999) run.push(settled());
}
console.log(JSON.stringify({ opened, run }));
`;

it("sessions opened and released, and runs, leave no memory behind (known faults 54, 55 and 60)", async () => {
  const argv = ["--expose-gc", "--input-type=module", "-e", SCRIPT];
  const { stdout } = await promisify(execFile)(process.execPath, argv);
  const { opened, run } = JSON.parse(stdout) as { opened: number[]; run: number[] };
  // The first half fills the allocators' pools.
  expect(opened[5]! / opened[2]!, `${opened}`).toBeLessThan(1.05);
  expect(run[5]! / run[2]!, `${run}`).toBeLessThan(1.05);
}, 120_000);
