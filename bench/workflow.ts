import { interleave } from "../test/journeys/interleavings.ts";
import { defineBench, say } from "./support/bench.ts";

export const bench = defineBench({
  about:
    "jobs cancelled, paused, retried, delivered twice, finished late: the real states, one call at a time",
  goal: "0 faults in 1,000 interleavings: each job ends once, nothing is published after that, all agrees with it",
  flags: { runs: 1000, seed: 1 },
  async run({ runs, seed }) {
    const onRun = (run: number) => {
      if (run % 100 === 0) say(`  ${run} of ${runs}`);
    };
    const figures = await interleave({ runs, seed, onRun });
    for (const fault of figures.faults) say(fault);
    return { figures: { ...figures }, reached: figures.faults.length === 0 };
  },
});
