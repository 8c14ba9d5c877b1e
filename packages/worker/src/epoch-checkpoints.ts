import { encodePrompt } from "@kilotune/prompt";
import type { JobHooks, TuneJob } from "./job.ts";
import type { LearnContext } from "./learn.ts";
import { roundedPrompt } from "./publish.ts";
import type { JobData } from "./read-data.ts";

/**
 * Prompts from under way, for who listens: at most three a job, of the run whose end is published. With a validation
 * file that is the run which is measured; else the last one, on all rows.
 */
export function epochCheckpoints(
  { job, hooks, data }: { readonly job: TuneJob; readonly hooks: JobHooks; readonly data: JobData },
  trainRows: number,
  hasValidation: boolean,
): Pick<LearnContext, "onEpochEnd"> {
  if (hooks.onCheckpoint === undefined) return {};
  const published = hasValidation ? "selection-0" : "final";
  return {
    onEpochEnd(run, settings, step, { state, curve }) {
      if (run !== published || !quarters(settings.epochs).includes(state.epoch)) return;
      const { prompt: numbers, head, epoch } = state;
      const prototypes = head.prototypes?.values as Float32Array;
      const prompt = roundedPrompt({
        backbone: job.backbone,
        labels: data.labels,
        storage: job.storage ?? "float16",
        temperature: 1,
        receipt: { dataSha256: data.sha256, seed: job.seed, epochs: epoch, trainRows },
        kind: "tuned",
        head: { kind: "cosine", weight: prototypes.slice(), scale: 1 / settings.temperature },
        tuned: { settings: { ...settings, epochs: epoch }, data: numbers.values.slice() },
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

/** Epochs after a quarter, a half and three quarters of them, without the last. */
function quarters(epochs: number): number[] {
  return [1, 2, 3].map((quarter) => Math.floor((epochs * quarter) / 4)).filter((epoch) => epoch > 0);
}
