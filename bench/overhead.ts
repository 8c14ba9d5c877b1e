import path from "node:path";
import { decodePrompt } from "@kilotune/prompt";
import { createPredictor } from "@kilotune/serving";
import { type Call, asker } from "./support/ask.ts";
import { openMiniLm } from "./support/backbone.ts";
import { defineBench } from "./support/bench.ts";
import { classifyCall, textsOfTokens } from "./support/classify-calls.ts";
import { latencies } from "./support/percentile.ts";
import { plantTenants } from "./support/plant-tenants.ts";
import { serveProcess } from "./support/serve-process.ts";
import { withFolder } from "./support/temporary.ts";

export const bench = defineBench({
  about: "one call after another: the whole HTTP path to a server against a bare Predictor in this process",
  goal: "p50 <= 1.5 ms more",
  flags: { rounds: 40, calls: 50 },
  run: ({ rounds, calls: callsARound }) =>
    withFolder(async (folder) => {
      const backbone = await openMiniLm();
      const texts = await textsOfTokens(backbone, 12);
      const data = path.join(folder, "data");
      const [tenant] = await plantTenants(data, backbone, 1);
      const { key, model, bytes } = tenant!;
      const prompt = await decodePrompt(bytes);
      const predictor = await createPredictor({ backbone, loadPrompt: async () => prompt });
      await using server = await serveProcess(data);
      const { ask, close } = asker(server.url, 1);
      const calls = texts.map((text): [string, Call] => [text, classifyCall(key, model, text)]);

      const bare: number[] = [];
      const whole: number[] = [];
      const timed = async (ms: number[], work: () => Promise<unknown>) => {
        const start = performance.now();
        await work();
        ms.push(performance.now() - start);
      };
      // In turns, and in blocks: right after the other's, a pass finds the other's threads still spinning.
      for (let round = 0; round <= rounds; round++) {
        for (let at = 0; at < callsARound; at++) {
          const [text] = calls[at % calls.length]!;
          await timed(bare, () => predictor.classify([{ text, prompt: "only" }]));
        }
        for (let at = 0; at < callsARound; at++) {
          const [, call] = calls[at % calls.length]!;
          await timed(whole, async () => {
            const { status, text } = await ask(call);
            if (status !== 200) throw new Error(`${status} ${text}`);
          });
        }
        // The first round warms both.
        if (round === 0) bare.length = whole.length = 0;
      }
      close();
      await predictor.close();
      const [alone, served] = [latencies(bare), latencies(whole)];
      const addedMs = served.p50Ms - alone.p50Ms;
      return { figures: { addedMs, predictor: alone, server: served }, reached: addedMs <= 1.5 };
    }),
});
