import { openMiniLm } from "./support/backbone.ts";
import { defineBench, say } from "./support/bench.ts";
import { sharedFile } from "./support/places.ts";
import { accuracies, tuneOnce } from "./support/tune-once.ts";

export const bench = defineBench({
  about: "clinc150 in-scope, 5 and 10 shots: published prompt against the linear probe",
  goal: "never below the probe by more than two standard errors of the difference",
  flags: { seeds: 1 },
  async run({ seeds }) {
    const backbone = await openMiniLm();
    const runs = [];
    for (const shots of [5, 10]) {
      for (let seed = 0; seed < seeds; seed++) {
        const { report, seconds } = await tuneOnce(backbone, sharedFile("data/clinc150"), { shots, seed });
        const run = { shots, seed, ...accuracies(report), seconds };
        say(JSON.stringify(run));
        runs.push(run);
      }
    }
    // Both answer the same rows, so this bound on the difference's error is a wide one.
    const noise = 2 * 100 * Math.sqrt(0.1 / 4500);
    return { figures: { noisePoints: noise, runs }, reached: runs.every((run) => run.margin >= -noise) };
  },
});
