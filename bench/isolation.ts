import { openMiniLm } from "./support/backbone.ts";
import { defineBench } from "./support/bench.ts";
import { isolationOf } from "./support/isolation.ts";

export const bench = defineBench({
  about:
    "random mixed batches of 16 prompts (kv, soft, lora, bias, head; 0-32 tokens): each row against its solo run, bit by bit; --int8 in 8 bits",
  goal: "0 differences in 1,000 batches of 1-32 rows",
  flags: { batches: 1000, seed: 0, int8: false },
  async run({ batches, seed, int8 }) {
    const backbone = await openMiniLm(int8 ? "int8" : "fp32");
    const figures = await isolationOf(backbone, { batches, seed });
    return {
      figures: { precision: backbone.manifest.precision, ...figures },
      reached: figures.differing === 0,
    };
  },
});
