import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { inSpan } from "@kilotune/contract/spans";
import { asker } from "./support/ask.ts";
import { openMiniLm } from "./support/backbone.ts";
import { defineBench } from "./support/bench.ts";
import { classifyCall, textsOfTokens } from "./support/classify-calls.ts";
import { latencies, percentile } from "./support/percentile.ts";
import { plantTenants } from "./support/plant-tenants.ts";
import { serveProcess } from "./support/serve-process.ts";
import { withFolder } from "./support/temporary.ts";

export const bench = defineBench({
  about: "what spans cost: each where nobody records them, and a call with and without --traces",
  goal: "off: <= 0.02 ms a call",
  flags: { rounds: 30, calls: 50 },
  run: ({ rounds, calls: callsARound }) =>
    withFolder(async (folder) => {
      const microseconds = await microsecondsOff();
      const offMs = (SPANS_A_CALL * microseconds) / 1000;
      const backbone = await openMiniLm();
      const [text = ""] = await textsOfTokens(backbone, 12);
      await using collector = await openCollector();
      const served = async (name: string, ...flags: string[]) => {
        const data = path.join(folder, name);
        const [tenant] = await plantTenants(data, backbone, 1);
        return {
          call: classifyCall(tenant!.key, tenant!.model, text),
          server: await serveProcess(data, ...flags),
        };
      };
      const [off, on] = [await served("off"), await served("on", "--traces", collector.url)];
      await using servers = new AsyncDisposableStack();
      const sides = [off, on].map(({ call, server }) => {
        servers.use(server);
        return { call, ...asker(server.url, 1), ms: [] as number[] };
      });
      for (let round = 0; round <= rounds; round++) {
        for (const { call, ask, ms } of sides) {
          if (round === 1) ms.length = 0;
          for (let at = 0; at < callsARound; at++) {
            const start = performance.now();
            const { status, text: said } = await ask(call);
            ms.push(performance.now() - start);
            if (status !== 200) throw new Error(`${status} ${said}`);
          }
        }
      }
      for (const { close } of sides) close();
      const [without, withTraces] = sides.map(({ ms }) => latencies(ms));
      return {
        figures: {
          spansACall: SPANS_A_CALL,
          microsecondsASpanOff: microseconds,
          offMsACall: offMs,
          without,
          withTraces,
        },
        reached: offMs <= 0.02,
      };
    }),
});

/** `request`, `authenticate`, `resolve model`, `prompts`, `queue`, `passes`, `meter`, and one pass: as the tests name them. */
const SPANS_A_CALL = 8;

/** Over the same work without a span; no SDK is registered in this process. */
async function microsecondsOff(): Promise<number> {
  const count = 100_000;
  const work = async () => 1;
  const bare = async (each: () => Promise<number>) => {
    try {
      return await each();
    } finally {
    }
  };
  const timed = async (each: () => Promise<number>) => {
    const start = performance.now();
    for (let at = 0; at < count; at++) await each();
    return (1000 * (performance.now() - start)) / count;
  };
  const added: number[] = [];
  for (let round = 0; round < 7; round++) {
    const without = await timed(() => bare(work));
    added.push((await timed(() => inSpan("bench", { attributes: { "kilotune.rows": 1 } }, work))) - without);
  }
  return percentile(added, 0.5);
}

/** Takes spans and forgets them. */
async function openCollector() {
  const server = createServer((request, response) => {
    request
      .resume()
      .on("end", () => response.writeHead(200, { "content-type": "application/json" }).end("{}"));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: async () => void server.close() };
}
