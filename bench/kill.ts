import { killRounds } from "../test/journeys/kill-rounds.ts";
import { defineBench, say } from "./support/bench.ts";

export const bench = defineBench({
  about:
    "kill -9 of the server at random moments of uploads, jobs, publications and alias moves, on one folder",
  goal: "0 lost, 0 torn in 100 kills",
  flags: { kills: 100, seed: 1 },
  async run({ kills, seed }) {
    const onRound = (round: number, phase: string) => {
      if (round % 10 === 0) say(`  kill ${round + 1} of ${kills}, in the middle of: ${phase}`);
    };
    const figures = await killRounds({ count: kills, seed, onRound });
    return {
      figures: { ...figures },
      reached: figures.lost.length === 0 && figures.torn.length === 0,
    };
  },
});
