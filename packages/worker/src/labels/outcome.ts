import type { FiguresEvaluation, FiguresScore } from "@kilotune/contract";
import { rounded } from "../classes/outcome.ts";
import { crossFitted, type LabelScore, precisionCurve, scoreLabels, sigmoids } from "@kilotune/tuner";
import type { Judged, Judgement } from "../task.ts";
import { judgeRows } from "../judge-rows.ts";
import type { Targets } from "./targets.ts";

/** What was said of a row that may have any number of labels. */
export interface LabelOutcome {
  /** The text, or the image's name. */
  readonly row: string;
  /** [labels], 0 or 1. */
  readonly expected: Uint8Array;
  /** How many of its labels no training row has. */
  readonly unknown: number;
  /** [labels]; none of answers that have no scores. */
  readonly logits: Float32Array | undefined;
  /** [labels], 0 or 1. Left out where the thresholds are still to be chosen: by the other rows, see `answersOf`. */
  readonly answered?: Uint8Array;
}

/** Rows of any number of labels each, whatever they are. */
export interface LabelAnswers extends Targets {
  readonly texts: readonly string[];
}

/** @param numbers logits, or answers, [rows, labels] flat */
export function outcomesOf(
  { texts, targets, unknown }: LabelAnswers,
  labels: number,
  { logits, answered }: { readonly logits?: Float32Array; readonly answered?: Uint8Array },
): LabelOutcome[] {
  return texts.map((row, at) => {
    const [from, to] = [at * labels, (at + 1) * labels];
    return {
      row,
      expected: targets.subarray(from, to),
      unknown: unknown[at] as number,
      logits: logits?.subarray(from, to),
      ...(answered && { answered: answered.subarray(from, to) }),
    };
  });
}

/** What is given, [rows, labels] flat. Rows without an answer get thresholds that they had no part in choosing. */
function answersOf(outcomes: readonly LabelOutcome[]): Uint8Array {
  const labels = outcomes[0]?.expected.length ?? 0;
  const open = outcomes.flatMap(({ answered }, row) => (answered === undefined ? [row] : []));
  const part = open.map((row) => outcomes[row] as LabelOutcome);
  const fitted = crossFitted(sigmoids(flatLogits(part)), flat(part), labels);
  const answers = Uint8Array.from(
    outcomes.flatMap(({ answered }) =>
      answered === undefined ? new Array<number>(labels).fill(0) : [...answered],
    ),
  );
  open.forEach((row, at) => {
    answers.set(fitted.subarray(at * labels, (at + 1) * labels), row * labels);
  });
  return answers;
}

/** [rows, labels] flat. */
export function flatLogits(outcomes: readonly LabelOutcome[]): Float32Array {
  return Float32Array.from(outcomes.flatMap(({ logits }) => [...(logits ?? [])]));
}

export function flat(outcomes: readonly LabelOutcome[]): Uint8Array {
  return Uint8Array.from(outcomes.flatMap(({ expected }) => [...expected]));
}

function scored(outcomes: readonly LabelOutcome[], answers = answersOf(outcomes)): LabelScore {
  const labels = outcomes[0]?.expected.length ?? 0;
  const unknown = outcomes.map((outcome) => outcome.unknown);
  return scoreLabels(flat(outcomes), answers, labels, unknown);
}

export function scoreOutcomes(outcomes: readonly LabelOutcome[]): FiguresScore {
  return { rows: outcomes.length, main: "microF1", figures: figuresOf(scored(outcomes)) };
}

function figuresOf({ microF1, macroF1, precision, recall, exactMatch }: LabelScore) {
  return { microF1, macroF1, precision, recall, exactMatch };
}

/** Compared row by row, by the F1 of the row's own set: 1 where neither has any. */
export function judgeLabels(
  asked: Judged<LabelOutcome>,
  rivals: readonly Judged<LabelOutcome>[],
  rows: string,
): Judgement {
  const fixed = (judged: Judged<LabelOutcome>): Judged<LabelOutcome> => {
    const answers = answersOf(judged.outcomes);
    const outcomes = judged.outcomes.map((outcome, row) => {
      const labels = outcome.expected.length;
      return { ...outcome, answered: answers.subarray(row * labels, (row + 1) * labels) };
    });
    return { ...judged, outcomes };
  };
  return judgeRows(fixed(asked), rivals.map(fixed), {
    title: "micro F1",
    rows,
    of: (outcomes) => scored(outcomes).microF1,
    ofRow: (outcome) => {
      const { expected, answered, microF1 } = scored([outcome]);
      return expected + answered === 0 ? 1 : microF1;
    },
  });
}

/** Everything that the report says about answers. @param thresholds of the published prompt */
export function labelFindings(
  outcomes: readonly LabelOutcome[],
  labels: readonly string[],
  thresholds: readonly number[],
): FiguresEvaluation {
  const answers = answersOf(outcomes);
  const score = scored(outcomes, answers);
  const names = (set: ArrayLike<number>, unknown: number) => {
    const own = labels.filter((_, at) => set[at] === 1);
    return [...own, ...(unknown > 0 ? [`${unknown} that no training row has`] : [])].join(", ") || "none";
  };
  const mistakes = outcomes.flatMap(({ row, expected, unknown }, at) => {
    const answered = answers.subarray(at * labels.length, (at + 1) * labels.length);
    const wrong = expected.reduce(
      (sum, wanted, label) => sum + (wanted === answered[label] ? 0 : 1),
      unknown,
    );
    if (wrong === 0) return [];
    return [{ wrong, text: row, wanted: names(expected, unknown), given: names(answered, 0) }];
  });
  const curves = labels.flatMap((label, at) => {
    const curve = precisionCurve(
      outcomes.map(({ expected }) => expected[at] as number),
      outcomes.map(({ logits }) => logits?.[at] ?? 0),
    );
    return curve === null ? [] : [{ label, ...rounded(curve) }];
  });
  return {
    rows: outcomes.length,
    curves,
    figures: Object.entries(figuresOf(score)).map(([name, value]) => ({ name, value })),
    tables: [
      {
        title: "Labels",
        about: "Each label by itself; it is given from its threshold on, which held-out rows chose.",
        columns: ["label", "precision", "recall", "F1", "rows", "threshold"],
        rows: score.perLabel.map(({ precision, recall, f1, expected }, at) => [
          labels[at] as string,
          precision,
          recall,
          f1,
          expected,
          thresholds[at] ?? null,
        ]),
      },
    ],
    mistakes: mistakes
      .sort((a, b) => b.wrong - a.wrong)
      .slice(0, MISTAKES)
      .map(({ text, wanted, given }) => ({ text, wanted, given })),
  };
}

const MISTAKES = 40;
