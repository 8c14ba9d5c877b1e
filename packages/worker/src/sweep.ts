import { createHash } from "node:crypto";
import { appendFile, mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { KilotuneError, type SweptCandidate } from "@kilotune/contract";
import { type Candidate, type Rung, rungsOf, successiveHalving, WHOLE_RUN } from "@kilotune/tuner";
import { removeCheckpoints } from "./checkpoint-files.ts";
import type { JobHooks, JobResult, TuneJob } from "./job.ts";
import { type Parallel, trialsInChildren } from "./process/trials-in-children.ts";
import { promptFacts } from "./receipt.ts";
import { runTuneJob } from "./run-tune-job.ts";
import { trialsHere, withCandidate } from "./trials.ts";
import { CODE_VERSION } from "./version.ts";

export interface Sweep {
  readonly job: TuneJob;
  /** What is tried. */
  readonly candidates: readonly Candidate[];
  /** Drops who falls behind before its run is over; false runs each to its end. */
  readonly halving: boolean;
  /** Tries candidates in processes beside this one, with the same results; left out, one after the other in this one. */
  readonly parallel?: Parallel;
}

export interface SweepHooks extends JobHooks {
  onTrial?(trial: SweptCandidate, done: { readonly trials: number; readonly of: number }): void;
}

/**
 * Tries candidates on held-out rows, and then runs the job with the best one: the test file is seen once, by that. All of
 * them share what the frozen layers made of the rows. Interrupted, it goes on where it was (`resume`): candidates that were
 * measured aren't again, and the one under way goes on from its checkpoint.
 *
 * @throws KilotuneError `bad_sweep`, and as runTuneJob
 */
export async function runSweep(
  { job, candidates, halving, parallel }: Sweep,
  hooks: SweepHooks = {},
): Promise<JobResult> {
  if (job.method === "head" || candidates.length === 0)
    throw new KilotuneError(
      "bad_sweep",
      `expected a method that learns a prompt and at least one candidate, saw ${job.method} and ${candidates.length}`,
      "Name ranges, like tokens=4,8,16.",
      { kind: "usage" },
    );
  if (!job.resume) await removeCheckpoints(job.checkpoints);
  const rungs = halving ? rungsOf(candidates.length) : [WHOLE_RUN];
  const of = rungs.reduce(({ left, sum }, { keep }) => ({ left: Math.min(left, keep), sum: sum + left }), {
    left: candidates.length,
    sum: 0,
  }).sum;
  let trials = 0;
  const measuring = parallel ? trialsInChildren(job, parallel, hooks) : trialsHere(job, hooks);
  let opening: Promise<TrialLog> | undefined;
  const openLog = async (candidate: Candidate) => trialLog(job, await measuring.facts(candidate), candidates);
  let ranking: Awaited<ReturnType<typeof successiveHalving<Candidate>>>;
  try {
    ranking = await successiveHalving(
      candidates,
      rungs,
      async (candidate, rung, index) => {
        opening ??= openLog(candidate);
        const log = await opening;
        const known = log.scoreOf(index, rung);
        if (known !== undefined) return known;
        const score = await measuring.measure(candidate, rung, index);
        await log.add(index, rung, score);
        return score;
      },
      ({ candidate, share, score }) =>
        hooks.onTrial?.({ settings: candidate, share, score }, { trials: ++trials, of }),
      // Those of one first layer in a row: they share what lies below it.
      { together: parallel !== undefined, order: (a, b) => (a.firstLayer ?? -1) - (b.firstLayer ?? -1) },
    );
  } finally {
    await measuring[Symbol.asyncDispose]();
  }
  const swept = ranking.map(({ candidate, share, score }) => ({ settings: candidate, share, score }));
  const result = await runTuneJob(withCandidate(job, ranking[0]!.candidate), hooks);
  return { ...result, report: { ...result.report, sweep: swept } };
}

interface TrialLog {
  /** undefined where it wasn't measured yet. */
  scoreOf(index: number, rung: Rung): number | undefined;
  add(index: number, rung: Rung, score: number): Promise<void>;
}

/** What was measured, a line each, so that a sweep that was interrupted doesn't measure it again. */
async function trialLog(
  job: TuneJob,
  facts: readonly unknown[],
  candidates: readonly Candidate[],
): Promise<TrialLog> {
  const { method, tokens, firstLayer, shots, epochs, folds, seed, settings, checkpoints, resume } = job;
  const asked = [
    CODE_VERSION,
    method,
    tokens,
    firstLayer,
    shots,
    epochs,
    folds,
    seed,
    settings,
    candidates,
    promptFacts(job),
  ];
  const key = createHash("sha256")
    .update(JSON.stringify([asked, facts]))
    .digest("hex");
  const file = path.join(checkpoints, "sweep.jsonl");
  const scores = new Map<string, number>();
  if (resume)
    for (const line of (await readFile(file, "utf8").catch(() => "")).split("\n")) {
      const [of, name, score] = parseLine(line);
      if (of === key) scores.set(name, score);
    }
  const nameOf = (index: number, { share }: Rung) => `${index} ${share}`;
  return {
    scoreOf: (index: number, rung: Rung) => scores.get(nameOf(index, rung)),
    async add(index: number, rung: Rung, score: number) {
      await mkdir(checkpoints, { recursive: true });
      // JSON knows no infinity; null stands for a run that diverged.
      await appendFile(file, `${JSON.stringify([key, nameOf(index, rung), score])}\n`);
    },
  };
}

/** A line that was cut when the machine died counts as none. */
function parseLine(line: string): [key: string, name: string, score: number] {
  try {
    const [key, name, score] = JSON.parse(line);
    if (typeof key === "string" && typeof name === "string" && (score === null || Number.isFinite(score)))
      return [key, name, score ?? Number.NEGATIVE_INFINITY];
  } catch {
    // As if it weren't there.
  }
  return ["", "", 0];
}
