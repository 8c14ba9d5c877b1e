import { encodePrompt } from "@kilotune/prompt";
import type { Learnt, TuneState } from "@kilotune/tuner";
import type { JobHooks, TuneJob } from "./job.ts";
import type { LearnContext } from "./learn.ts";
import { TUNED } from "./select.ts";
import type { RowsOf, Task } from "./task.ts";
import { CODE_VERSION } from "./version.ts";

/**
 * Prompts from under way, for who listens: at most three a job, of the run whose end is published. With a validation
 * file that is the run which is measured; else the last one, on all rows.
 */
export function epochCheckpoints<File extends RowsOf, Rows extends RowsOf, Fitted, Outcome>(
  task: Task<File, Rows, Fitted, Outcome>,
  {
    job,
    hooks,
    dataSha256,
  }: { readonly job: TuneJob; readonly hooks: JobHooks; readonly dataSha256: string },
  trainRows: number,
  hasValidation: boolean,
): Pick<LearnContext, "onEpochEnd"> {
  if (hooks.onCheckpoint === undefined) return {};
  const published = hasValidation ? "selection-0" : "final";
  return {
    async onEpochEnd(run, epochs, step, { state, curve }) {
      if (run !== published || !quarters(epochs).includes(state.epoch)) return;
      const { epoch } = state;
      const prompt = await task.publish({
        kind: TUNED,
        heldOut: [],
        fitted: undefined,
        tuned: { ...copyOf(state), epoch },
        // Nothing of what was asked: that leads past here, to the job's end.
        receipt: { dataSha256, seed: job.seed, epochs: epoch, trainRows, codeVersion: CODE_VERSION },
      });
      const { loss = Number.NaN, validationAccuracy = null } = curve.at(-1) ?? {};
      hooks.onCheckpoint?.({
        step,
        metrics: {
          ...(Number.isFinite(loss) ? { train_loss: loss } : {}),
          ...(validationAccuracy === null ? {} : { valid_accuracy: validationAccuracy }),
        },
        bytes: encodePrompt(prompt, { storage: prompt.manifest.storage }),
      });
    },
  };
}

/** The state goes on changing. */
function copyOf({ prompt, head }: TuneState): Learnt {
  return {
    prompt: prompt.values.slice(),
    head: Object.fromEntries(Object.entries(head).map(([name, { values }]) => [name, values.slice()])),
  };
}

/** Epochs after a quarter, a half and three quarters of them, without the last. */
function quarters(epochs: number): number[] {
  return [1, 2, 3].map((quarter) => Math.floor((epochs * quarter) / 4)).filter((epoch) => epoch > 0);
}
