import type { LoopSettings, RunOptions } from "@kilotune/tuner";
import type { JobEvent } from "./job.ts";

/** Turns steps into progress events with the time that is left of all runs of a job, by the pace so far. */
export interface TrainingPace {
  begin(
    run: string,
    settings: Pick<LoopSettings, "batchSize" | "epochs">,
    rows: number,
  ): { onStep: NonNullable<RunOptions["onStep"]>; onEpoch: NonNullable<RunOptions["onEpoch"]> };
}

/** @param plannedRows rows times epochs of all runs together, as far as they are known beforehand */
export function trainingPace(
  plannedRows: number,
  emit: (event: JobEvent) => void,
  clock: () => number,
): TrainingPace {
  /** Rows of the runs that began before this one, each to its end. */
  let earlier = 0;
  let seen = 0;
  let spentMs = 0;
  return {
    begin(run, settings, rows) {
      let last = clock();
      let accuracy: number | null = null;
      const whole = rows * settings.epochs;
      const steps = settings.epochs * Math.ceil(rows / settings.batchSize);
      const before = earlier;
      earlier += whole;
      let done: number | undefined;
      const kind = run.endsWith("final") ? "final" : "selection";
      return {
        onStep({ epoch, share, loss }) {
          const now = clock();
          spentMs += now - last;
          last = now;
          // A run that goes on from a checkpoint begins in the middle: what came before wasn't seen at this pace.
          seen += share * whole - (done ?? share * whole - Math.min(settings.batchSize, rows));
          done = share * whole;
          emit({
            kind: "training",
            run: kind,
            epoch: epoch + 1,
            epochs: settings.epochs,
            step: Math.round(share * steps),
            steps,
            share,
            loss,
            validationAccuracy: accuracy,
            secondsLeft: (spentMs / seen / 1000) * Math.max(0, plannedRows - before - done),
          });
        },
        onEpoch({ validationAccuracy }) {
          accuracy = validationAccuracy;
        },
      };
    },
  };
}
