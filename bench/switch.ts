import { createPredictor } from "@kilotune/serving";
import { openMiniLm } from "./support/backbone.ts";
import { defineBench } from "./support/bench.ts";
import { randomPrompts } from "./support/random-prompts.ts";

export const bench = defineBench({
  about: "a batch with 16 different prompts against the same batch with one",
  goal: "<= 1.05 x",
  flags: { rounds: 200, rows: 16 },
  async run({ rounds, rows }) {
    const backbone = await openMiniLm();
    const prompts = await randomPrompts(backbone, 16, { tokens: 8 });
    const predictor = await createPredictor({ backbone, loadPrompt: async (ref) => prompts[Number(ref)]! });
    const batch = (distinct: number) =>
      Array.from({ length: rows }, (_, at) => ({
        text: `where is my parcel number ${at % 10} please`,
        prompt: String(at % distinct),
      }));
    const time = async (distinct: number) => {
      const start = performance.now();
      await predictor.classify(batch(distinct));
      return performance.now() - start;
    };
    const one: number[] = [];
    const many: number[] = [];
    for (let round = 0; round < rounds + 10; round++) {
      // Alternating, so that a busy moment of the machine hits both.
      const [a, b] = [await time(1), await time(16)];
      if (round < 10) continue;
      one.push(a);
      many.push(b);
    }
    await predictor.close();
    const [oneMs, manyMs] = [median(one), median(many)];
    return {
      figures: { rows, onePromptMs: oneMs, sixteenPromptsMs: manyMs, ratio: manyMs / oneMs },
      reached: manyMs / oneMs <= 1.05,
    };
  },
});

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}
