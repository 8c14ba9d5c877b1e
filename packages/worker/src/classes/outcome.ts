import type {
  Calibration,
  ClassificationScore,
  CountedShare,
  Evaluation,
  LabelCurve,
  Picture,
  Screening,
} from "@kilotune/contract";
import {
  argmaxRows,
  confusionOf,
  fitTemperature,
  judge,
  type PrecisionCurve,
  perClass,
  precisionCurve,
  reliability,
  scoreOf,
  wilson,
} from "@kilotune/tuner";
import type { Judged, Judgement } from "../task.ts";

/** What was said of a row that is of one class. */
export interface ClassOutcome {
  /** The text, or the image's name. */
  readonly row: string;
  /** Class number; -1 for one that the training rows don't have. */
  readonly expected: number;
  readonly predicted: number;
  /** [classes]; of candidates that have scores. */
  readonly logits: Float32Array | undefined;
  /** Of a row that is an image. */
  readonly picture?: () => Promise<Picture>;
}

interface Asked {
  readonly texts: readonly string[];
  readonly labels: ArrayLike<number>;
  pictureOf?(row: number): Promise<Picture>;
}

export function outcomesOfLogits(asked: Asked, logits: Float32Array, classes: number): ClassOutcome[] {
  const predicted = argmaxRows(logits, classes);
  return outcomesOfClasses(asked, predicted).map((outcome, at) => ({
    ...outcome,
    logits: logits.subarray(at * classes, (at + 1) * classes),
  }));
}

export function outcomesOfClasses(
  { texts, labels, pictureOf }: Asked,
  predicted: Int32Array,
): ClassOutcome[] {
  return texts.map((row, at) => ({
    row,
    expected: labels[at] as number,
    predicted: predicted[at] as number,
    logits: undefined,
    ...(pictureOf && { picture: () => pictureOf(at) }),
  }));
}

export function scoreClasses(outcomes: readonly ClassOutcome[], classes: number): ClassificationScore {
  return scoreOf(expectedOf(outcomes), predictedOf(outcomes), classes);
}

export function judgeClasses(
  asked: Judged<ClassOutcome>,
  rivals: readonly Judged<ClassOutcome>[],
): Judgement {
  const answers = ({ name, title, outcomes }: Judged<ClassOutcome>) => ({
    name,
    title,
    predicted: predictedOf(outcomes),
  });
  return judge(expectedOf(asked.outcomes), answers(asked), rivals.map(answers));
}

export function temperatureOf(outcomes: readonly ClassOutcome[], classes: number): number {
  return fitTemperature(logitsOf(outcomes, classes), expectedOf(outcomes), classes);
}

export interface Assessment {
  readonly evaluation: Evaluation;
  readonly calibration: Calibration;
}

/** With pictures of the surest mistakes, and of what the row is each class against the others. */
export async function assessWithPictures(
  outcomes: readonly ClassOutcome[],
  labels: readonly string[],
  temperature: number,
): Promise<Assessment> {
  const { evaluation, calibration } = assess(outcomes, labels, temperature);
  const byName = new Map(outcomes.map((outcome) => [outcome.row, outcome]));
  const mistakes = [];
  for (const [at, mistake] of evaluation.mistakes.entries()) {
    const picture = at < PICTURES ? await byName.get(mistake.text)?.picture?.() : undefined;
    mistakes.push({ ...mistake, ...(picture && { picture }) });
  }
  return {
    evaluation: {
      ...evaluation,
      mistakes,
      screening: screeningOf(evaluation),
      curves: curvesOf(outcomes, labels),
    },
    calibration,
  };
}

/** Each class against all others, by its probability: of the logit itself rows couldn't be compared. */
function curvesOf(outcomes: readonly ClassOutcome[], labels: readonly string[]): LabelCurve[] {
  const classes = labels.length;
  const scores = softmaxRows(logitsOf(outcomes, classes), classes, 1);
  return labels.flatMap((label, at) => {
    const wanted = outcomes.map(({ expected }) => Number(expected === at));
    const curve = precisionCurve(
      wanted,
      outcomes.map((_, row) => scores[row * classes + at] as number),
    );
    return curve === null ? [] : [{ label, ...rounded(curve) }];
  });
}

/** A hundred numbers a class: four digits will do. */
export function rounded({ averagePrecision, curve }: PrecisionCurve): PrecisionCurve {
  return { averagePrecision, curve: curve.map((value) => Math.round(value * 1e4) / 1e4) };
}

/** As many as a page shows. */
const PICTURES = 40;

/** Each class against all others. */
function screeningOf({ labels, confusion }: Evaluation): Screening[] {
  const all = confusion.flat().reduce((sum, count) => sum + count, 0);
  return labels.map((label, at) => {
    const row = confusion[at] as readonly number[];
    const found = row[at] as number;
    const there = row.reduce((sum, count) => sum + count, 0);
    const called = confusion.reduce((sum, other) => sum + (other[at] as number), 0);
    return {
      label,
      sensitivity: countedShare(found, there),
      specificity: countedShare(all - there - (called - found), all - there),
    };
  });
}

export function countedShare(right: number, of: number): CountedShare {
  return { right, of, interval: wilson(right, of) };
}

/**
 * Everything that the report says about answers. A row whose label the prompt doesn't know counts as wrong, and stands in
 * no class's row of the confusion matrix.
 */
export function assess(
  outcomes: readonly ClassOutcome[],
  labels: readonly string[],
  temperature: number,
): Assessment {
  const classes = labels.length;
  const [expected, predicted] = [expectedOf(outcomes), predictedOf(outcomes)];
  const probabilities = softmaxRows(logitsOf(outcomes, classes), classes, temperature);
  const { rows, accuracy, macroF1 } = scoreOf(expected, predicted, classes);
  const confusion = confusionOf(expected, predicted, classes);
  const mistakes = [...expected.keys()]
    .filter((row) => expected[row] !== predicted[row])
    .map((row) => ({
      text: outcomes[row]!.row,
      label: labels[expected[row] as number] ?? "(unknown label)",
      predicted: labels[predicted[row] as number] as string,
      score: probabilities[row * classes + (predicted[row] as number)] as number,
    }))
    .sort((a, b) => b.score - a.score);
  return {
    evaluation: {
      rows,
      accuracy,
      macroF1,
      labels,
      confusion,
      perClass: perClass(confusion, labels),
      mistakes,
    },
    calibration: { temperature, ...reliability(probabilities, expected, classes) },
  };
}

function expectedOf(outcomes: readonly ClassOutcome[]): Int32Array {
  return Int32Array.from(outcomes, ({ expected }) => expected);
}

function predictedOf(outcomes: readonly ClassOutcome[]): Int32Array {
  return Int32Array.from(outcomes, ({ predicted }) => predicted);
}

/** [rows, classes] flat */
function logitsOf(outcomes: readonly ClassOutcome[], classes: number): Float32Array {
  const all = new Float32Array(outcomes.length * classes);
  outcomes.forEach(({ logits }, row) => {
    if (logits === undefined) throw new Error("asked for the scores of a candidate that has none");
    all.set(logits, row * classes);
  });
  return all;
}

export function softmaxRows(logits: Float32Array, classes: number, temperature: number): Float32Array {
  const probabilities = new Float32Array(logits.length);
  for (let start = 0; start < logits.length; start += classes) {
    const row = logits.subarray(start, start + classes);
    const max = row.reduce((largest, logit) => Math.max(largest, logit), Number.NEGATIVE_INFINITY);
    let sum = 0;
    for (const logit of row) sum += Math.exp((logit - max) / temperature);
    row.forEach((logit, at) => {
      probabilities[start + at] = Math.exp((logit - max) / temperature) / sum;
    });
  }
  return probabilities;
}
