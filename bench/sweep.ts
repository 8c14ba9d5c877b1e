import path from "node:path";
import { bundleOf } from "@kilotune/backbone";
import { mainFigure } from "@kilotune/contract";
import { drawCandidates, parseSweep } from "@kilotune/tuner";
import { fileSource, runSweep, runTuneJob, type TuneJob } from "@kilotune/worker";
import { backboneOptions, openMiniLm, THREADS } from "./support/backbone.ts";
import { defineBench, say } from "./support/bench.ts";
import { sharedFile } from "./support/places.ts";
import { withFolder } from "./support/temporary.ts";
import { accuracies } from "./support/tune-once.ts";

export const bench = defineBench({
  about:
    "banking77 10 shots: 16 candidates dropped early and the best one tuned, against one job of as many epochs",
  goal: "<= 4 x the time of that job",
  flags: { shots: 10, seed: 0, candidates: 16, epochs: 20, parallel: 1 },
  run: ({ shots, seed, candidates, epochs, parallel: processes }) =>
    withFolder(async (folder) => {
      const data = sharedFile("data/banking77");
      const job: TuneJob = {
        backbone: await openMiniLm(),
        train: fileSource(path.join(data, "train.jsonl")),
        test: fileSource(path.join(data, "test.jsonl")),
        method: "kv",
        shots,
        epochs,
        seed,
        out: path.join(folder, "prompt.safetensors"),
        checkpoints: path.join(folder, "checkpoint"),
        resume: false,
      };
      const timed = async <Result>(run: () => Promise<Result>) => {
        const start = performance.now();
        const result = await run();
        return { result, seconds: (performance.now() - start) / 1000 };
      };
      const one = await timed(() => runTuneJob(job));
      say(`one job: ${one.seconds.toFixed(1)} s`);
      const space = parseSweep([
        "tokens=4,8,16",
        "promptLearningRate=3e-3..1e-1:log",
        "headLearningRate=1e-3..1e-2:log",
        "temperature=0.05..0.12",
        "dropout=0..0.3",
      ]);
      const parallel = {
        processes,
        threads: Math.max(1, Math.floor(THREADS / processes)),
        bundle: await bundleOf("minilm-l6", backboneOptions()),
      };
      const swept = await timed(() =>
        runSweep(
          {
            job,
            candidates: drawCandidates(space, candidates, seed),
            halving: true,
            ...(processes > 1 && { parallel }),
          },
          {
            onTrial: ({ settings, share, score }) =>
              say(`  ${JSON.stringify(settings)}: ${(100 * score).toFixed(2)} % after ${100 * share} %`),
          },
        ),
      );
      const ratio = swept.seconds / one.seconds;
      const heldOut = (report: (typeof one)["result"]["report"]) => {
        const score = report.candidates.find(({ name }) => name === "kv")?.heldOut;
        return score ? 100 * mainFigure(score).value : null;
      };
      return {
        figures: {
          candidates,
          parallel: processes,
          secondsOfOne: one.seconds,
          // What each process of a parallel sweep does for itself.
          secondsOfFrozenLayers: one.result.report.timings.find(({ name }) => name === "prepare")?.seconds,
          secondsOfSweep: swept.seconds,
          ratio,
          one: { ...accuracies(one.result.report), heldOut: heldOut(one.result.report) },
          sweep: { ...accuracies(swept.result.report), heldOut: heldOut(swept.result.report) },
          chosen: swept.result.report.sweep?.[0]?.settings,
        },
        reached: ratio <= 4,
      };
    }),
});
