import { openMiniLm } from "./support/backbone.ts";
import { defineBench } from "./support/bench.ts";
import { accuracies, tuneOnce } from "./support/tune-once.ts";

export const bench = defineBench({
  about: "bytes of a prompt file of 77 labels, and what storing halves costs",
  goal: "<= 128 KB, float16 costing <= 0.1 points (12 labels <= 64 KB is a unit test of packages/prompt)",
  flags: { shots: 10, seed: 0, epochs: 3 },
  async run({ shots, seed, epochs }) {
    const backbone = await openMiniLm();
    // The same run twice: only the storage differs, so only rounding can make a difference.
    const half = await tuneOnce(backbone, "banking77", { shots, seed, epochs, storage: "float16" });
    const full = await tuneOnce(backbone, "banking77", { shots, seed, epochs, storage: "float32" });
    const cost = accuracies(full.report).accuracy - accuracies(half.report).accuracy;
    const figures = {
      labels: 77,
      float16Bytes: half.bytes.length,
      float32Bytes: full.bytes.length,
      float16CostPoints: cost,
    };
    return { figures, reached: half.bytes.length <= 128_000 && cost <= 0.1 };
  },
});
