import { prng } from "@kilotune/dataset";
import { createPredictor, verifyIsolation } from "@kilotune/serving";
import { openMiniLm } from "./support/backbone.ts";
import { defineBench } from "./support/bench.ts";
import { exampleFile } from "./support/places.ts";
import { randomPrompts } from "./support/random-prompts.ts";
import { readRows } from "./support/texts.ts";

export const bench = defineBench({
  about:
    "random mixed batches of 16 prompts (kv, soft, head; 0-32 tokens): each row against its solo run, bit by bit",
  goal: "0 differences in 1,000 batches of 1-32 rows",
  flags: { batches: 1000, seed: 0 },
  async run({ batches, seed }) {
    const backbone = await openMiniLm();
    const prompts = await randomPrompts(backbone, 16, { seed });
    const predictor = await createPredictor({ backbone, loadPrompt: async (ref) => prompts[Number(ref)]! });
    const random = prng(seed, "isolation");
    const texts = (await readRows(exampleFile("test.jsonl"))).map(({ text }) => text);
    // Few texts to many prompts, so that rows of one length and different prompts meet in a pass.
    const requests = Array.from({ length: 400 }, () => ({
      text: texts[random.integer(40)]!,
      prompt: String(random.integer(prompts.length)),
    }));
    const report = await verifyIsolation(predictor, requests, { batches, uniform: () => random.uniform() });
    const { batches: passes } = predictor.stats();
    await predictor.close();
    return { figures: { ...report, passes }, reached: report.differing === 0 };
  },
});
