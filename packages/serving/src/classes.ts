import type { Use } from "@kilotune/prompt";
import { rank, rankBy, type Score } from "./rank.ts";

/** What a classification's calibration says of it. */
export type ClassCalibration = Use<"textClassification">["calibration"];
export type LabelCalibration = Use<"textMultiLabel">["calibration"];

export interface ClassAnswer {
  readonly label: string;
  /** Calibrated probability of `label`. */
  readonly score: number;
  /** The likeliest first. Of a prompt that gives several labels each has a probability of its own. */
  readonly scores: readonly Score[];
  /** Of a prompt that gives several labels: those that reached their threshold, the likeliest first. */
  readonly labels?: readonly Score[];
  /** Of a prompt that knows what is none of its labels': whether this is. */
  readonly outOfScope?: boolean;
}

/** Exactly one label: softmax. */
export function decodeClass(
  labels: readonly string[],
  logits: Float64Array,
  { temperature, outOfScope }: ClassCalibration,
): ClassAnswer {
  const scores = rank(labels, logits, temperature);
  const { label, score } = scores[0]!;
  if (outOfScope === undefined) return { label, score, scores };
  const seen = outOfScope.score === "probability" ? score : energy(logits, temperature);
  return { label, score, scores, outOfScope: seen < outOfScope.threshold };
}

/** Each label by itself: sigmoid, and its own threshold. */
export function decodeLabels(
  labels: readonly string[],
  logits: Float64Array,
  { temperature, thresholds }: LabelCalibration,
): ClassAnswer {
  const probabilities = logits.map((logit) => 1 / (1 + Math.exp(-logit / temperature)));
  const reached = new Set(labels.filter((_, c) => probabilities[c]! >= thresholds[c]!));
  const scores = rankBy(labels, logits, probabilities);
  const { label, score } = scores[0]!;
  return { label, score, scores, labels: scores.filter((each) => reached.has(each.label)) };
}

/** temperature * log(sum of e^(logit / temperature)); no logit is too large for it. */
function energy(logits: Float64Array, temperature: number): number {
  const largest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  return (
    largest +
    temperature * Math.log(logits.reduce((sum, x) => sum + Math.exp((x - largest) / temperature), 0))
  );
}
