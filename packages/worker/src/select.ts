import type { Candidate, CurvePoint, MethodName, Score, Verdict } from "@kilotune/contract";
import { KilotuneError, METHOD_TITLES, mainFigure } from "@kilotune/contract";
import type { LoopSettings, RunResult } from "@kilotune/tuner";
import type { Fold, HeldOut } from "./held-out.ts";
import type { Judged, Judgement, RowsOf, Task } from "./task.ts";

/** What the held-out rows decided. They were never learnt from by what they judge. */
export interface Selection<Outcome> {
  readonly verdict: Verdict;
  /** What is to be published: "tuned", or the name of a head. */
  readonly publish: string;
  /** What is published where the last run fails; nothing of a task without heads. */
  readonly betterHead: string | undefined;
  /** Epochs of the final run. */
  readonly epochs: number;
  readonly curve: readonly CurvePoint[];
  /** The run itself, where it learnt from all training rows (there was a validation file): no second one is needed. */
  readonly run: RunResult | undefined;
  readonly scores: Readonly<Record<Candidate["name"], Score>>;
  /** How many rows were held out. */
  readonly rows: number;
  /** By name of a baseline; `tuned` is absent where nothing was tuned, or a run diverged. */
  readonly outcomes: Readonly<Record<string, readonly Outcome[]>>;
}

export const TUNED = "tuned";

export interface SelectContext<Rows, Fitted> {
  /** Of all training rows. */
  readonly fitted: Fitted;
  readonly method: MethodName;
  /** The method is published whatever is decided of it, unless it diverged. */
  readonly publishAsked?: boolean;
  /** Tunes on a fold's training rows, with its held-out rows as validation. */
  readonly tuneOn: (fold: Fold<Rows>, name: string) => Promise<RunResult>;
}

/** Third state of a job: everything that is decided, decided on held-out rows. */
export async function select<File extends RowsOf, Rows extends RowsOf, Fitted, Outcome>(
  task: Task<File, Rows, Fitted, Outcome>,
  { fitted, method, publishAsked = false, tuneOn }: SelectContext<Rows, Fitted>,
  { folds }: HeldOut<Rows>,
): Promise<Selection<Outcome>> {
  const { settings } = task;
  const answers: Readonly<Record<string, readonly Outcome[]>>[] = [];
  const runs: RunResult[] = [];
  for (const [at, fold] of folds.entries()) {
    const own = await task.fit(fold.train, fitted);
    const baselines = await task.answerBaselines(own, fold.heldOut);
    const run = settings && (await tuneOn(fold, `selection-${at}`));
    if (run !== undefined) runs.push(run);
    const tuned = run && run.end !== "diverged" && { [TUNED]: await task.answerRun(run, fold.heldOut) };
    answers.push({ ...baselines, ...tuned });
  }

  const diverged = runs.some((run) => run.end === "diverged");
  const joined = (name: string) => answers.flatMap((each) => each[name] as readonly Outcome[]);
  const baselines = task.baselines.map(({ name, title }) => ({ name, title, outcomes: joined(name) }));
  const tuned = settings !== undefined && !diverged ? joined(TUNED) : undefined;
  const { asked, twin } = askedFor(method, tuned, baselines, task.heads[0]);
  const judgement = task.judge(
    asked,
    baselines.filter(({ name }) => name !== twin),
  );
  const scores = Object.fromEntries(
    [...baselines, asked].map(({ name, outcomes }) => [name, task.score(outcomes)]),
  );
  const head = betterHead(task.heads, scores);
  // Judged by what a file can hold: a prompt that only neighbours beat isn't given up for a head that is worse still.
  const heads = baselines.filter(({ name }) => name === head);
  const pays = tuned !== undefined && task.judge(asked, heads).paid;
  const own = tuned !== undefined ? TUNED : settings === undefined ? twin : undefined;
  const publish = publishAsked && own !== undefined ? own : pays ? TUNED : head;
  if (publish === undefined) throw divergedForGood();
  const title = baselines.find(({ name }) => name === publish)?.title;
  const [only] = runs;
  return {
    verdict: {
      ...judgement,
      words: verdictWords(judgement, title, settings !== undefined, { diverged, pays }),
    },
    publish,
    betterHead: head,
    epochs: settings === undefined ? 0 : chooseEpochs(settings, runs),
    curve: only?.curve ?? [],
    run: only,
    scores,
    rows: asked.outcomes.length,
    outcomes: {
      ...Object.fromEntries(baselines.map(({ name, outcomes }) => [name, outcomes])),
      ...(tuned && { [TUNED]: tuned }),
    },
  };
}

/** The verdict, and what follows from it. @param head the title of what is published in the prompt's place */
function verdictWords(
  { words, paid }: Judgement,
  head: string | undefined,
  wantsPrompt: boolean,
  { diverged, pays }: { readonly diverged: boolean; readonly pays: boolean },
): string {
  if (!wantsPrompt) return words;
  if (diverged) return `Tuning diverged: its loss was no longer a number. A ${head} is published instead.`;
  if (head !== undefined) return `${words} A ${head} is published instead.`;
  if (!pays) return `${words} It is published all the same, since that was asked for.`;
  if (!paid)
    return `${words} It is published all the same, since no head that a prompt file can hold is better.`;
  return words;
}

/**
 * The answers that the user's method is judged by. A method that learns no prompt, or one that diverged, stands or falls
 * with its head, which is among the baselines under its own name: its twin.
 */
function askedFor<Outcome>(
  method: MethodName,
  tuned: readonly Outcome[] | undefined,
  baselines: readonly Judged<Outcome>[],
  twin: string | undefined,
): { readonly asked: Judged<Outcome>; readonly twin?: string } {
  if (tuned !== undefined) return { asked: { name: method, title: METHOD_TITLES[method], outcomes: tuned } };
  const head = baselines.find(({ name }) => name === twin);
  if (head === undefined || twin === undefined) throw divergedForGood();
  return { asked: method === "head" ? { ...head, name: method, title: METHOD_TITLES.head } : head, twin };
}

/** Of a task that has no head to publish in the prompt's place. */
export function divergedForGood(): KilotuneError {
  return new KilotuneError(
    "diverged",
    "Tuning diverged: its loss was no longer a number, and there is nothing else to publish.",
    "Tune with fewer virtual tokens, another method or another seed.",
  );
}

function betterHead(heads: readonly string[], scores: Selection<unknown>["scores"]): string | undefined {
  const value = (name: string) => mainFigure(scores[name] as Score).value;
  return heads.reduce<string | undefined>(
    (best, next) => (best === undefined || value(next) > value(best) ? next : best),
    undefined,
  );
}

/** As many as the runs that chose took; see `runTuning` for when that is fewer than were planned. */
function chooseEpochs(settings: LoopSettings, runs: readonly RunResult[]): number {
  if (runs.length === 0) return settings.epochs;
  return Math.round(runs.reduce((sum, { epoch }) => sum + epoch, 0) / runs.length);
}
