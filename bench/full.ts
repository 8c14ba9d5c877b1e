import { openMiniLm } from "./support/backbone.ts";
import { defineBench } from "./support/bench.ts";
import { sharedFile } from "./support/places.ts";
import { accuracies, tuneOnce } from "./support/tune-once.ts";

export const bench = defineBench({
  about: "banking77, all 10,003 rows: published prompt against the linear probe",
  goal: "margin >= 0.4 points on the whole test set",
  flags: { seed: 0 },
  async run({ seed }) {
    const { report, seconds, epochs } = await tuneOnce(await openMiniLm(), sharedFile("data/banking77"), {
      seed,
    });
    const figures = { ...accuracies(report), epochs, seconds };
    return { figures, reached: figures.margin >= 0.4 };
  },
});
