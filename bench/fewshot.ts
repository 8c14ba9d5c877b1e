import { openMiniLm } from "./support/backbone.ts";
import { defineBench, say } from "./support/bench.ts";
import { sharedFile } from "./support/places.ts";
import { accuracies, mean, tuneOnce } from "./support/tune-once.ts";

export const bench = defineBench({
  about: "banking77, few rows a class: published prompt against the linear probe of the same rows",
  goal: "mean margin >= 1.0 points on the whole test set",
  flags: { shots: 10, seeds: 3 },
  async run({ shots, seeds }) {
    const backbone = await openMiniLm();
    const runs = [];
    for (let seed = 0; seed < seeds; seed++) {
      const { report, seconds, epochs } = await tuneOnce(backbone, sharedFile("data/banking77"), {
        shots,
        seed,
      });
      const run = { seed, ...accuracies(report), epochs, seconds };
      say(JSON.stringify(run));
      runs.push(run);
    }
    const margin = mean(runs.map((run) => run.margin));
    const figures = {
      shots,
      meanAccuracy: mean(runs.map((run) => run.accuracy)),
      meanLinearProbe: mean(runs.map((run) => run.linearProbe)),
      meanMargin: margin,
      runs,
    };
    return { figures, reached: margin >= 1 };
  },
});
