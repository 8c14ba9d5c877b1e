import { decodePrompt } from "@kilotune/prompt";
import { openPrompt } from "@kilotune/service";
import { createPredictor } from "@kilotune/serving";
import { bytesOf } from "../packages/aws/src/bytes.ts";
import { defineBench } from "./support/bench.ts";
import { textsOfTokens } from "./support/classify-calls.ts";
import { withMiniLmCloud } from "./support/mini-lm-cloud.ts";
import { latencies } from "./support/percentile.ts";

export const bench = defineBench({
  about: "one call after another: the built function `infer`, warm, against a bare Predictor in this process",
  goal: "p50 <= 3 ms more",
  flags: { rounds: 20, calls: 50, int8: false },
  run: ({ rounds, calls, int8 }) =>
    withMiniLmCloud(int8 ? "int8" : "fp32", async ({ backbone, cloud, service, planted }) => {
      const { id: tenant, key, model, promptId } = planted;
      const prompt = await decodePrompt(await bytesOf((await openPrompt(service, tenant, promptId)).chunks));
      const predictor = await createPredictor({ backbone, loadPrompt: async () => prompt });
      const infer = await cloud.instance("infer");
      const texts = await textsOfTokens(backbone, 12);

      const bare = (text: string) => predictor.classify([{ text, prompt: "only" }]);
      const called = async (text: string) => {
        const { payload } = await infer.invoke({ task: "classify", tenant, promptId, inputs: [text] });
        if (!("classified" in (payload as object))) throw new Error(JSON.stringify(payload));
      };
      const asked = async (text: string) => {
        const request = new Request("https://api.test/v1/classify", {
          method: "POST",
          headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
          body: JSON.stringify({ model, input: text }),
        });
        const { status } = await cloud.fetch(request);
        if (status !== 200) throw new Error(`the API answered ${status}`);
      };
      const ways = [bare, called, asked].map((ask) => ({ ask, ms: [] as number[] }));
      // In turns, and in blocks: right after the other's, a pass finds the other's threads still spinning.
      for (let round = 0; round <= rounds; round++)
        for (const { ask, ms } of ways) {
          for (let at = 0; at < calls; at++) {
            const start = performance.now();
            await ask(texts[at % texts.length] as string);
            ms.push(performance.now() - start);
          }
          // The first round warms all.
          if (round === 0) ms.length = 0;
        }
      await predictor.close();
      const [alone, inferred, through] = ways.map(({ ms }) => latencies(ms));
      const addedMs = inferred!.p50Ms - alone!.p50Ms;
      // The API's way has five calls of an emulator in it: AWS's own are another matter, so it is told and no goal.
      return {
        figures: {
          precision: int8 ? "int8" : "fp32",
          addedMs,
          predictor: alone,
          infer: inferred,
          throughApiAndEmulator: through,
        },
        reached: addedMs <= 3,
      };
    }),
});
