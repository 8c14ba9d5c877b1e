import { runPeer } from "./peer.ts";
import { miniLmCheckpoint, openMiniLm } from "./support/backbone.ts";
import { defineBench, Unavailable } from "./support/bench.ts";
import { sharedFile } from "./support/places.ts";
import { accuracies, tuneOnce } from "./support/tune-once.ts";

export const bench = defineBench({
  about: "banking77, 10 shots: our whole job against PEFT prompt tuning with 20 epochs, in the same run",
  goal: "<= 0.12 x the peer's seconds, with the higher accuracy",
  flags: { shots: 10, seed: 0, "peer-epochs": 20 },
  async run({ shots, seed, "peer-epochs": peerEpochs }) {
    const backbone = await openMiniLm();
    const { report, seconds: parts } = await tuneOnce(backbone, sharedFile("data/banking77"), {
      shots,
      seed,
    });
    // From the files to the finished prompt: reading, linting, baselines, the verdict on held-out rows, the final run.
    // Answering the test file is on neither side's clock.
    const seconds = parts.prepare + parts.tune;
    const args = [
      await miniLmCheckpoint(),
      ...["train", "test"].map((part) => sharedFile(`data/banking77/${part}.jsonl`)),
      ...[shots, peerEpochs].map(String),
    ];
    const stdout = await runPeer(sharedFile("oracle/peft_prompt_tuning.py"), args);
    const [, accuracy, peerSeconds] = /test accuracy ([\d.]+) tuning seconds ([\d.]+)/.exec(stdout) ?? [];
    if (accuracy === undefined)
      throw new Unavailable(`the peer didn't print its result: ${stdout.slice(-300)}`);
    const own = accuracies(report);
    const ratio = seconds / Number(peerSeconds);
    const figures = {
      seconds,
      peerSeconds: Number(peerSeconds),
      ratio,
      accuracy: own.accuracy,
      peerAccuracy: 100 * Number(accuracy),
      parts,
    };
    return { figures, reached: ratio <= 0.12 && own.accuracy > 100 * Number(accuracy) };
  },
});
