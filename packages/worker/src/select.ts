import type { Backbone } from "@kilotune/backbone";
import type { Candidate, CurvePoint, MethodName, Score, Verdict } from "@kilotune/contract";
import type { Head } from "@kilotune/prompt";
import {
  argmaxRows,
  type BaselineName,
  embed,
  fitBaselines,
  fitTemperature,
  type FrozenRows,
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
  /** Epochs of the final run. */
  readonly epochs: number;
  readonly curve: readonly CurvePoint[];
  /** The run itself, where it learnt from all training rows (there was a validation file): no second one is needed. */
  readonly run: RunResult | undefined;
  /** Divides the published logits. */
  readonly temperature: number;
  readonly scores: Readonly<Partial<Record<Candidate["name"], Score>>>;
  readonly heldOut: {
    readonly labels: Int32Array;
    readonly logits: Float32Array;
    readonly texts: readonly string[];
  };
}

export type PublishedKind = "tuned" | "linearProbe" | "classMean";

export interface SelectContext {
  readonly backbone: Backbone;
  readonly linear: LinearSession;
  readonly classes: number;
  readonly seed: number;
  readonly chosen: { readonly C: number; readonly k: number };
  readonly method: MethodName;
  /** undefined for the method `head`, which learns no prompt. */
  readonly settings: TuneSettings | undefined;
  /** Tunes on a fold's training rows, with its held-out rows as validation. */
  readonly tuneOn: (fold: Fold, name: string) => Promise<RunResult>;
}

/** Third state of a job: everything that is decided, decided on held-out rows. */
export async function select(context: SelectContext, { folds }: HeldOut): Promise<Selection> {
  const { linear, classes, seed, method, settings } = context;
  const answers: FoldAnswers[] = [];
  const runs: RunResult[] = [];
  for (const [at, fold] of folds.entries()) {
    const frozen: FrozenRows = { vectors: fold.train.vectors, labels: fold.train.labels, classes };
    const fitted = await fitBaselines(linear, frozen, seed, context.chosen);
    const logits: FoldAnswers["logits"] = {
      linearProbe: await headLogits(linear, linearHead(fitted.probe), fold.heldOut.vectors),
      classMean: await headLogits(linear, meansHead(fitted.classMeans), fold.heldOut.vectors),
    };
    if (settings !== undefined) {
      const run = await context.tuneOn(fold, `selection-${at}`);
      runs.push(run);
      if (run.end !== "diverged") logits.tuned = await tunedLogits(context, settings, run, fold.heldOut);
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
  const asked = askedFor(method, answers, baselines, classes, diverged);
  const verdict = judge(
    expected,
    asked,
    baselines.filter(({ name }) => name !== asked.twin),
  );
  const publish =
    settings !== undefined && !diverged && verdict.paid ? "tuned" : betterHead(expected, baselines);
  const logits = concatFloats(answers.map((each) => each.logits[publish] as Float32Array));
  const epochs = settings === undefined ? 0 : chooseEpochs(settings, runs, expected.length);
  const [only] = runs;
  return {
    verdict,
    publish,
    epochs,
    curve: only?.curve ?? [],
    run: only,
    temperature: fitTemperature(logits, expected, classes),
    scores: Object.fromEntries(
      [...baselines, asked].map(({ name, predicted }) => [name, scoreOf(expected, predicted, classes)]),
    ),
    heldOut: { labels: expected, logits, texts: answers.flatMap((each) => each.texts) },
  };
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
  { prompt, prototypes }: RunResult,
  rows: PreparedRows,
): Promise<Float32Array> {
  const site = promptSite(settings, backbone.manifest);
  const upper = await backbone.open({ kind: "upper", site: site.site });
  try {
    const vectors = await embed(upper, rows.store, linear.hiddenSize, promptFeed(site, prompt));
    return await headLogits(
      linear,
      { kind: "cosine", weight: prototypes, scale: 1 / settings.temperature },
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
  answers: readonly FoldAnswers[],
  baselines: readonly HeldOutAnswers[],
  classes: number,
  diverged: boolean,
): HeldOutAnswers & { readonly twin?: Candidate["name"] } {
  const tuned = answers.map((each) => each.logits.tuned);
  if (method === "head" || diverged || tuned.some((logits) => logits === undefined)) {
    const probe = baselines.find(({ name }) => name === "linearProbe") as HeldOutAnswers;
    return { ...probe, name: "head", title: TITLES.head, twin: "linearProbe" };
  }
  const logits = concatFloats(tuned as Float32Array[]);
  return { name: method, title: TITLES[method], predicted: argmaxRows(logits, classes) };
}

/** Of the two heads that a prompt file can hold. Neighbours would have to store the rows themselves. */
function betterHead(expected: Int32Array, baselines: readonly HeldOutAnswers[]): "linearProbe" | "classMean" {
  const right = (wanted: BaselineName) =>
    baselines
      .find(({ name }) => name === wanted)
      ?.predicted.reduce((sum, label, row) => sum + (label === expected[row] ? 1 : 0), 0) ?? 0;
  return right("classMean") > right("linearProbe") ? "classMean" : "linearProbe";
}

/**
 * The schedule's own length, unless an earlier epoch was better by more than one standard error: the rate falls to zero,
 * so the last epoch is the best one but for noise.
 */
function chooseEpochs(settings: TuneSettings, runs: readonly RunResult[], rows: number): number {
  const chosen = runs.map(({ epoch, curve }) => {
    const best = curve[epoch - 1]?.validationAccuracy ?? 0;
    const last = curve.at(-1)?.validationAccuracy ?? 0;
    const standardError = Math.sqrt((best * (1 - best)) / Math.max(1, rows / runs.length));
    return best - last > standardError ? epoch : settings.epochs;
  });
  return Math.round(chosen.reduce((sum, epochs) => sum + epochs, 0) / Math.max(1, chosen.length));
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
