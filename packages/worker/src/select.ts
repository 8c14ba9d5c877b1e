import type { Backbone } from "@kilotune/backbone";
import type { Candidate, CurvePoint, MethodName, Score, Verdict } from "@kilotune/contract";
import type { Head } from "@kilotune/prompt";
import {
  argmaxRows,
  type BaselineName,
  countRight,
  embed,
  type FrozenRows,
  fitBaselines,
  type HeldOutAnswers,
  judge,
  type LinearHead,
  type LinearSession,
  predictBaselines,
  promptFeed,
  promptSite,
  type RunResult,
  scoreOf,
  type TuneSettings,
} from "@kilotune/tuner";
import { headLogits } from "./answer.ts";
import type { Fold, HeldOut } from "./held-out.ts";
import type { PreparedRows } from "./prepare.ts";
import { BASELINES, TITLES } from "./titles.ts";

/** What the held-out rows decided. They were never learnt from by what they judge. */
export interface Selection {
  readonly verdict: Verdict;
  /** What is to be published. */
  readonly publish: PublishedKind;
  /** What is published where the last run fails. */
  readonly betterHead: PublishedHead;
  /** Epochs of the final run. */
  readonly epochs: number;
  readonly curve: readonly CurvePoint[];
  /** The run itself, where it learnt from all training rows (there was a validation file): no second one is needed. */
  readonly run: RunResult<"prototypes"> | undefined;
  readonly scores: Readonly<Partial<Record<Candidate["name"], Score>>>;
  readonly heldOut: {
    readonly labels: Int32Array;
    readonly texts: readonly string[];
    /** [rows, classes] flat of each kind; `tuned` is absent where nothing was tuned, or a run diverged. */
    readonly logits: Readonly<Partial<Record<PublishedKind, Float32Array>>>;
  };
}

export type PublishedKind = "tuned" | PublishedHead;

/** The heads that a prompt file can hold without a prompt. Neighbours would have to store the rows themselves. */
export type PublishedHead = "linearProbe" | "classMean";

export interface SelectContext {
  readonly backbone: Backbone;
  readonly linear: LinearSession;
  readonly classes: number;
  readonly seed: number;
  readonly chosen: { readonly C: number; readonly k: number };
  readonly method: MethodName;
  /** undefined for the method `head`, which learns no prompt. */
  readonly tuning:
    | {
        readonly settings: TuneSettings;
        /** Tunes on a fold's training rows, with its held-out rows as validation. */
        readonly tuneOn: (fold: Fold, name: string) => Promise<RunResult<"prototypes">>;
      }
    | undefined;
}

/** Third state of a job: everything that is decided, decided on held-out rows. */
export async function select(context: SelectContext, { folds }: HeldOut): Promise<Selection> {
  const { linear, classes, seed, method, tuning } = context;
  const answers: FoldAnswers[] = [];
  const runs: RunResult<"prototypes">[] = [];
  for (const [at, fold] of folds.entries()) {
    const frozen: FrozenRows = { vectors: fold.train.vectors, labels: fold.train.labels, classes };
    const fitted = await fitBaselines(linear, frozen, seed, context.chosen);
    const logits: FoldAnswers["logits"] = {
      linearProbe: await headLogits(linear, linearHead(fitted.probe), fold.heldOut.vectors),
      classMean: await headLogits(linear, meansHead(fitted.classMeans), fold.heldOut.vectors),
    };
    if (tuning !== undefined) {
      const run = await tuning.tuneOn(fold, `selection-${at}`);
      runs.push(run);
      if (run.end !== "diverged")
        logits.tuned = await tunedLogits(context, tuning.settings, run, fold.heldOut);
    }
    answers.push({
      labels: fold.heldOut.labels,
      texts: fold.heldOut.texts,
      baselines: await predictBaselines(linear, fitted, frozen, fold.heldOut.vectors),
      logits,
    });
  }

  const expected = concat(answers.map((each) => each.labels));
  const baselines = BASELINES.map((name) => ({
    name,
    title: TITLES[name],
    predicted: concat(answers.map((each) => each.baselines[name])),
  }));
  const diverged = runs.some((run) => run.end === "diverged");
  const logits = joinLogits(answers, tuning !== undefined && !diverged);
  const asked = askedFor(method, logits.tuned, baselines, classes);
  const verdict = judge(
    expected,
    asked,
    baselines.filter(({ name }) => name !== asked.twin),
  );
  const head = betterHead(expected, baselines);
  // Judged by what a file can hold: a prompt that only neighbours beat isn't given up for a head that is worse still.
  const heads = baselines.filter(({ name }) => name === head);
  const publish = logits.tuned !== undefined && judge(expected, asked, heads).paid ? "tuned" : head;
  const [only] = runs;
  return {
    verdict: { ...verdict, words: verdictWords(verdict, publish, tuning !== undefined, diverged) },
    publish,
    betterHead: head,
    epochs: tuning === undefined ? 0 : chooseEpochs(tuning.settings, runs),
    curve: only?.curve ?? [],
    run: only,
    scores: Object.fromEntries(
      [...baselines, asked].map(({ name, predicted }) => [name, scoreOf(expected, predicted, classes)]),
    ),
    heldOut: { labels: expected, texts: answers.flatMap((each) => each.texts), logits },
  };
}

/** The verdict, and what follows from it. */
function verdictWords(
  { words, paid }: ReturnType<typeof judge>,
  publish: PublishedKind,
  wantsPrompt: boolean,
  diverged: boolean,
): string {
  if (!wantsPrompt) return words;
  if (diverged)
    return `Tuning diverged: its loss was no longer a number. A ${TITLES[publish as PublishedHead]} is published instead.`;
  if (publish !== "tuned") return `${words} A ${TITLES[publish]} is published instead.`;
  if (!paid)
    return `${words} It is published all the same, since no head that a prompt file can hold is better.`;
  return words;
}

interface FoldAnswers {
  readonly labels: Int32Array;
  readonly texts: readonly string[];
  readonly baselines: Readonly<Record<BaselineName, Int32Array>>;
  readonly logits: Partial<Record<PublishedKind, Float32Array>>;
}

export function linearHead({ weight, bias }: LinearHead): Head {
  return { kind: "linear", weight, bias, scale: 1 };
}

/** Cosines lie within a narrow band; this is the scale that tuning uses too. */
export function meansHead(weight: Float32Array): Head {
  return { kind: "cosine", weight, scale: 20 };
}

async function tunedLogits(
  { backbone, linear }: SelectContext,
  settings: TuneSettings,
  { prompt, head }: RunResult<"prototypes">,
  rows: PreparedRows,
): Promise<Float32Array> {
  const site = promptSite(settings, backbone.manifest);
  const upper = await backbone.open({ kind: "upper", site: site.site });
  try {
    const vectors = await embed(upper, rows.store, linear.hiddenSize, promptFeed(site, prompt));
    return await headLogits(
      linear,
      { kind: "cosine", weight: head.prototypes, scale: 1 / settings.temperature },
      vectors,
    );
  } finally {
    await upper.release();
  }
}

/**
 * The answers that the user's method is judged by. A method that learns no prompt, or one that diverged, stands or falls
 * with its head: the linear probe.
 */
function askedFor(
  method: MethodName,
  tuned: Float32Array | undefined,
  baselines: readonly HeldOutAnswers[],
  classes: number,
): HeldOutAnswers & { readonly twin?: Candidate["name"] } {
  if (tuned !== undefined)
    return { name: method, title: TITLES[method], predicted: argmaxRows(tuned, classes) };
  const probe = baselines.find(({ name }) => name === "linearProbe") as HeldOutAnswers;
  return method === "head"
    ? { ...probe, name: "head", title: TITLES.head, twin: "linearProbe" }
    : { ...probe, twin: "linearProbe" };
}

function joinLogits(answers: readonly FoldAnswers[], tuned: boolean): Selection["heldOut"]["logits"] {
  const joined = (kind: PublishedKind) =>
    concatFloats(answers.map((each) => each.logits[kind] as Float32Array));
  return {
    linearProbe: joined("linearProbe"),
    classMean: joined("classMean"),
    ...(tuned ? { tuned: joined("tuned") } : {}),
  };
}

function betterHead(expected: Int32Array, baselines: readonly HeldOutAnswers[]): PublishedHead {
  const right = (wanted: PublishedHead) => {
    const answers = baselines.find(({ name }) => name === wanted) as HeldOutAnswers;
    return countRight(expected, answers.predicted);
  };
  return right("classMean") > right("linearProbe") ? "classMean" : "linearProbe";
}

/** As many as the runs that chose took; see `runTuning` for when that is fewer than were planned. */
function chooseEpochs(settings: TuneSettings, runs: readonly RunResult<"prototypes">[]): number {
  if (runs.length === 0) return settings.epochs;
  return Math.round(runs.reduce((sum, { epoch }) => sum + epoch, 0) / runs.length);
}

function concat(parts: readonly Int32Array[]): Int32Array {
  return Int32Array.from(parts.flatMap((part) => [...part]));
}

function concatFloats(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
