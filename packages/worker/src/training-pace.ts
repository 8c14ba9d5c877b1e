import type { RunOptions, TuneSettings } from "@kilotune/tuner";
import type { JobEvent } from "./job.ts";

/** Turns steps into progress events with the time that is left of all runs of a job, by the pace so far. */
export interface TrainingPace {
  begin(
    run: string,
    settings: TuneSettings,
    rows: number,
  ): { onStep: NonNullable<RunOptions["onStep"]>; onEpoch: NonNullable<RunOptions["onEpoch"]> };
}

/** @param plannedRows rows times epochs of all runs together, as far as they are known beforehand */
export function trainingPace(
  plannedRows: number,
  emit: (event: JobEvent) => void,
  clock: () => number,
): TrainingPace {
  let seen = 0;
  let spentMs = 0;
  return {
    begin(run, settings, rows) {
      let last = clock();
      let accuracy: number | null = null;
      const batch = Math.min(settings.batchSize, rows);
      const kind = run === "final" ? "final" : "selection";
      return {
        onStep({ epoch, share, loss }) {
          const now = clock();
          spentMs += now - last;
          last = now;
          seen += batch;
          const left = Math.max(0, plannedRows - seen);
          emit({
            kind: "training",
            run: kind,
            epoch: epoch + 1,
            epochs: settings.epochs,
            share,
            loss,
            validationAccuracy: accuracy,
            secondsLeft: (spentMs / seen / 1000) * left,
          });
        },
        onEpoch({ validationAccuracy }) {
          accuracy = validationAccuracy;
        },
      };
    },
  };
}
