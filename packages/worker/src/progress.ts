import type { JobEvent, JobHooks, JobStage } from "./job.ts";
import { interrupted } from "./interrupted.ts";
import { stopwatch } from "./stopwatch.ts";

/** Where a job stands: told to whoever listens, timed, and the moment at which Ctrl-C is heard between runs. */
export interface JobProgress {
  readonly emit: (event: JobEvent) => void;
  readonly clock: () => number;
  readonly watch: ReturnType<typeof stopwatch>;
  /** Ends the stage before and begins one. Throws `interrupted` where the job was aborted. */
  stage(name: JobStage, words: string): void;
  /** For `prepareRows`: the share done of a stage. */
  share(stage: JobStage): (share: number) => void;
}

export function jobProgress(hooks: JobHooks): JobProgress {
  const emit = hooks.onEvent ?? (() => {});
  const clock = hooks.clock ?? (() => performance.now());
  const watch = stopwatch(clock);
  return {
    emit,
    clock,
    watch,
    stage(name, words) {
      if (hooks.signal?.aborted) throw interrupted(`stopped before ${words}`);
      watch.lap(name);
      emit({ kind: "stage", stage: name, words });
    },
    share: (stage) => (share) => emit({ kind: "progress", stage, share }),
  };
}
