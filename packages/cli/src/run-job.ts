import {
  type CrossValidation,
  isClassification,
  mainFigure,
  METHODS,
  type TuneReport,
} from "@kilotune/contract";
import { terminalSummary } from "@kilotune/report";
import { type JobResult, runTuneJob, type TuneJob } from "@kilotune/worker";
import { jobProgress } from "./job-progress.ts";
import type { Terminal } from "./terminal/terminal.ts";

/** Takes over Ctrl-C for what stops at a step, and says so when it is heard. */
export function takeStop(terminal: Terminal): AbortSignal {
  const signal = terminal.io.takeInterrupt();
  sayWhenStopped(signal, terminal);
  return signal;
}

function sayWhenStopped(signal: AbortSignal, terminal: Terminal): void {
  const say = () => terminal.say("Stopping after this step; Ctrl-C again kills.");
  signal.addEventListener("abort", say, { once: true });
}

/** The job, shown on stderr while it runs. */
export async function tuneWithProgress(
  job: TuneJob,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<JobResult> {
  sayWhenStopped(signal, terminal);
  signal.throwIfAborted();
  const result = await runTuneJob(job, { onEvent: jobProgress(terminal), signal, clock: terminal.io.clock });
  terminal.endProgress();
  return result;
}

/** Figures are of the test file, null where there is none. */
export function tuneResult({ report, stored, seconds, epochs }: JobResult) {
  const { best, margin, significant } = report.verdict;
  return {
    prompt: {
      path: report.prompt.path,
      id: stored.id,
      sizeBytes: stored.sizeBytes,
      method: stored.prompt.method,
    },
    test: report.data.testRows > 0 ? testFigures(report) : null,
    baselines: Object.fromEntries(
      report.candidates
        .filter(({ name }) => !METHODS.some((method) => method === name))
        .map(({ name, test }) => [name, test && mainFigure(test).value]),
    ),
    verdict: { best, margin, significant },
    ...(report.crossValidation && { crossValidation: foldFigures(report.crossValidation) }),
    seconds,
    epochs,
  };
}

/** By candidate, of the figure that the task is judged by. JSON knows no NaN: null stands for it. */
function foldFigures({ folds, candidates, ...counts }: CrossValidation) {
  const finite = (value: number) => (Number.isFinite(value) ? value : null);
  return {
    ...counts,
    rows: folds.map(({ rows }) => rows),
    published: folds.map(({ published }) => published),
    figures: Object.fromEntries(
      candidates.map(({ name, mean, deviation, scores }) => [
        name,
        {
          mean: finite(mean),
          deviation: finite(deviation),
          folds: scores.map((score) => score && finite(mainFigure(score).value)),
        },
      ]),
    ),
  };
}

function testFigures(report: TuneReport): Readonly<Record<string, number>> {
  if (isClassification(report)) {
    const { accuracy, macroF1 } = report.evaluation;
    return { accuracy, macroF1 };
  }
  const score = report.candidates.find(({ published }) => published)?.test;
  return score && "figures" in score ? score.figures : {};
}

export function summaryWords(report: TuneReport, terminal: Terminal, stream: "stdout" | "stderr"): string {
  const color = terminal.paint(stream, "bold", "x") !== "x";
  return terminalSummary(report, { color, width: terminal.columns });
}
