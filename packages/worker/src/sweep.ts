import { createHash } from "node:crypto";
import { appendFile, mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { KilotuneError, type SweptCandidate } from "@kilotune/contract";
import { type Candidate, type Rung, rungsOf, successiveHalving, type TuneSettings } from "@kilotune/tuner";
import { removeCheckpoints } from "./checkpoint-files.ts";
import type { JobHooks, JobResult, TuneJob } from "./job.ts";
import { learn } from "./learn.ts";
import { openTask } from "./open-task.ts";
import { planOf } from "./plan-of.ts";
import { jobProgress } from "./progress.ts";
import { runTuneJob } from "./run-tune-job.ts";
import type { RowsOf, TaskPlan } from "./task.ts";
import { CODE_VERSION } from "./version.ts";

export interface Sweep {
  readonly job: TuneJob;
  /** What is tried. */
  readonly candidates: readonly Candidate[];
  /** Drops who falls behind before its run is over; false runs each to its end. */
  readonly halving: boolean;
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
  { job, candidates, halving }: Sweep,
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
  // Those of one first layer in a row: they share what lies below it.
  const ordered = [...candidates].sort((a, b) => (a.firstLayer ?? -1) - (b.firstLayer ?? -1));
  const rungs = halving ? rungsOf(ordered.length) : [{ share: 1, keep: 1 }];
  const of = rungs.reduce(({ left, sum }, { keep }) => ({ left: Math.min(left, keep), sum: sum + left }), {
    left: ordered.length,
    sum: 0,
  }).sum;
  let trials = 0;
  let opened: { readonly firstLayer: number | undefined; readonly trials: Trials } | undefined;
  const open = async (candidate: Candidate): Promise<Trials> => {
    if (opened !== undefined && opened.firstLayer === candidate.firstLayer) return opened.trials;
    await opened?.trials[Symbol.asyncDispose]();
    opened = undefined;
    const opening = await openTrials(job, candidate, hooks);
    opened = { firstLayer: candidate.firstLayer, trials: opening };
    return opening;
  };
  let log: TrialLog | undefined;
  try {
    const ranking = await successiveHalving(
      ordered,
      rungs,
      async (candidate, rung, index) => {
        log ??= await trialLog(job, (await open(candidate)).facts, ordered);
        const known = log.scoreOf(index, rung);
        if (known !== undefined) return known;
        const score = await (await open(candidate)).measure(candidate, rung, index);
        await log.add(index, rung, score);
        return score;
      },
      ({ candidate, share, score }) =>
        hooks.onTrial?.({ settings: candidate, share, score }, { trials: ++trials, of }),
    );
    await opened?.trials[Symbol.asyncDispose]();
    opened = undefined;
    const swept = ranking.map(({ candidate, share, score }) => ({ settings: candidate, share, score }));
    const [best] = ranking;
    const { firstLayer, ...settings } = best!.candidate;
    const chosen = { ...job, settings, ...(firstLayer === undefined ? {} : { firstLayer }) };
    const result = await runTuneJob(chosen, hooks);
    return { ...result, report: { ...result.report, sweep: swept } };
  } finally {
    await opened?.trials[Symbol.asyncDispose]();
  }
}

/** The held-out rows of a job, and what candidates with one first layer share. */
interface Trials extends AsyncDisposable {
  /** What scores depend on, besides the candidates: data and backbone. */
  readonly facts: readonly unknown[];
  /** Mean score on the held-out rows, after so much of the candidate's run. */
  measure(candidate: Candidate, rung: Rung, index: number): Promise<number>;
}

function openTrials(job: TuneJob, { firstLayer }: Candidate, hooks: JobHooks): Promise<Trials> {
  const own = firstLayer === undefined ? job : { ...job, firstLayer };
  return planOf(own, hooks, (plan) => trialsOf(plan, own, hooks));
}

async function trialsOf<File extends RowsOf, Rows extends RowsOf, Fitted, Outcome>(
  plan: TaskPlan<File, Rows, Fitted, Outcome>,
  job: TuneJob,
  hooks: JobHooks,
): Promise<Trials> {
  const progress = jobProgress(hooks);
  const { data, task, train, validation } = await openTask(plan, progress);
  try {
    const { folds } = task.holdOut(train, validation);
    progress.stage("tune", "trying candidates on held-out rows");
    const context = {
      // A candidate that goes on does so from its checkpoint.
      job: { ...job, resume: true },
      hooks,
      dataSha256: data.sha256,
      pace: { begin: () => ({ onStep: () => {}, onEpoch: () => {} }) },
    };
    return {
      facts: [data.sha256, task.backbone],
      async measure({ firstLayer: _, ...candidate }, { share }, index) {
        const { epochs } = { ...(task.settings as TuneSettings), ...candidate };
        const until = Math.max(1, Math.round(share * epochs));
        let [sum, rows] = [0, 0];
        for (const [at, fold] of folds.entries()) {
          const { end, curve } = await learn(
            task,
            context,
            epochs,
            `sweep-${index}-${at}`,
            fold.train,
            fold.heldOut,
            { settings: candidate, until },
          );
          if (end === "diverged") return Number.NEGATIVE_INFINITY;
          sum += fold.heldOut.count * (curve[Math.min(until, curve.length) - 1]?.validationAccuracy ?? 0);
          rows += fold.heldOut.count;
        }
        return sum / rows;
      },
      [Symbol.asyncDispose]: () => task[Symbol.asyncDispose](),
    };
  } catch (error) {
    await task[Symbol.asyncDispose]();
    throw error;
  }
}

interface TrialLog {
  /** undefined where it wasn't measured yet. */
  scoreOf(index: number, rung: Rung): number | undefined;
  add(index: number, rung: Rung, score: number): Promise<void>;
}

/** What was measured, a line each, so that a sweep that was interrupted doesn't measure it again. */
async function trialLog(
  { method, tokens, firstLayer, shots, epochs, seed, settings, checkpoints, resume }: TuneJob,
  facts: readonly unknown[],
  candidates: readonly Candidate[],
): Promise<TrialLog> {
  const asked = [CODE_VERSION, method, tokens, firstLayer, shots, epochs, seed, settings, candidates];
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
