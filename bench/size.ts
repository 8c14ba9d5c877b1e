import { openMiniLm } from "./support/backbone.ts";
import { defineBench } from "./support/bench.ts";
import { exampleFile, sharedFile } from "./support/places.ts";
import { accuracies, tuneOnce } from "./support/tune-once.ts";

export const bench = defineBench({
  about: "bytes of a prompt file of 14 and of 77 labels, and what storing halves costs",
  goal: "<= 64 KB and <= 128 KB, float16 costing <= 0.1 points",
  flags: { shots: 10, seed: 0, epochs: 3 },
  async run({ shots, seed, epochs }) {
    const backbone = await openMiniLm();
    const figures: Record<string, object> = {};
    let reached = true;
    const sets = [
      { folder: exampleFile("."), limit: 64_000 },
      { folder: sharedFile("data/banking77"), limit: 128_000 },
    ];
    for (const { folder, limit } of sets) {
      // The same run twice: only the storage differs, so only rounding can make a difference.
      const half = await tuneOnce(backbone, folder, { shots, seed, epochs, storage: "float16" });
      const full = await tuneOnce(backbone, folder, { shots, seed, epochs, storage: "float32" });
      const cost = accuracies(full.report).accuracy - accuracies(half.report).accuracy;
      figures[`${half.report.data.labels.length} labels`] = {
        float16Bytes: half.bytes.length,
        float32Bytes: full.bytes.length,
        float16CostPoints: cost,
      };
      reached &&= half.bytes.length <= limit && cost <= 0.1;
    }
    return { figures, reached };
  },
});
