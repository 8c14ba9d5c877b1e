import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { KilotuneError } from "@kilotune/contract";
import type { Compute, TaskHooks, TrialTask, TuneTask } from "@kilotune/worker";
import { sampleReport } from "../../packages/report/src/testing/sample-report.ts";

/**
 * The heavy work of a job, pretended in a moment: the same files make the same bytes, with as many training events as
 * `steps`, a checkpoint and a model from under way. Stopped, it ends with a checkpoint as the real work does.
 */
export function quickCompute({
  steps = 4,
  promptBytes = 2_000,
  between = async () => {},
}: {
  readonly steps?: number;
  readonly promptBytes?: number;
  /** Awaited before each step. */
  readonly between?: () => Promise<void>;
} = {}): Compute {
  const report = sampleReport();
  const learn = async (
    { train, seed, folder }: TuneTask | TrialTask,
    name: string,
    { onEvent, onCheckpoint, signal }: TaskHooks,
  ) => {
    const rows = await readFile(train.path);
    const bytes = (what: string) => expand(`${seed} ${what} ${hashOf(rows)}`, promptBytes);
    await mkdir(path.join(folder, "checkpoints"), { recursive: true });
    onEvent({ kind: "stage", stage: "tune", words: "tuning" });
    for (let step = 1; step <= steps; step++) {
      await between();
      if (signal.aborted)
        throw new KilotuneError("interrupted", "told to stop", "Resume it.", { kind: "machine" });
      onEvent({ ...TRAINING, step, steps, epoch: step, epochs: steps, share: step / steps });
      await writeFile(path.join(folder, "checkpoints", `${name}.checkpoint`), bytes(`checkpoint ${step}`));
      if (step === Math.ceil(steps / 2))
        onCheckpoint?.({ step, metrics: { train_loss: 0.5 }, bytes: bytes("half way") });
    }
    return bytes;
  };
  return {
    async tune(task, hooks) {
      const { folder } = task;
      const bytes = await learn(task, "selection-0", hooks);
      const prompt = bytes("prompt");
      await writeFile(path.join(folder, "prompt.safetensors"), prompt);
      await writeFile(path.join(folder, "report.json"), JSON.stringify(report));
      return { promptId: hashOf(prompt), trainedTokens: 1000 };
    },
    /** The more tokens the better. */
    async measure(task, hooks) {
      await learn(task, "sweep-0-0", hooks);
      return { score: (task.candidate.tokens ?? 0) / 128 };
    },
    async answer() {
      await between();
      const { rows, accuracy } = report.evaluation;
      return { rows, right: Math.round(accuracy * rows), disagreeing: 0 };
    },
  };
}

const TRAINING = {
  kind: "training",
  run: "selection",
  loss: 0.5,
  validationAccuracy: 0.9,
  secondsLeft: 1,
} as const;

function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Bytes that follow from a text and aren't all alike. */
function expand(text: string, count: number): Buffer {
  return createHash("shake256", { outputLength: count }).update(text).digest();
}
