import type { Candidate, Verdict } from "@kilotune/contract";
import { countRight } from "./measure/count-right.ts";
import { mcnemar } from "./measure/mcnemar.ts";

/** One candidate's answers on the held-out rows. */
export interface HeldOutAnswers {
  readonly name: Candidate["name"];
  readonly title: string;
  readonly predicted: Int32Array;
}

/**
 * Whether the tuned prompt paid, told by held-out rows that neither it nor the baselines have seen.
 *
 * The prompt was asked for, and few rows can't tell a point of difference from luck: it is given up for a baseline only
 * when that is ahead by more than one standard error of the difference. `significant` is the stricter question, whether
 * a paired test at 5 % calls the difference more than noise.
 */
export function judge(
  expected: Int32Array,
  prompt: HeldOutAnswers,
  baselines: readonly HeldOutAnswers[],
): Verdict & { readonly paid: boolean } {
  const accuracy = ({ predicted }: HeldOutAnswers) => share(expected, predicted);
  const rival = baselines.reduce((best, next) => (accuracy(next) > accuracy(best) ? next : best));
  const { onlyA, onlyB, pValue } = mcnemar(expected, prompt.predicted, rival.predicted);
  const rows = expected.length;
  const margin = rows === 0 ? 0 : (onlyA - onlyB) / rows;
  const standardError = rows === 0 ? 0 : Math.sqrt(onlyA + onlyB) / rows;
  const paid = margin >= -standardError;
  const significant = pValue < 0.05;
  return {
    best: margin >= 0 ? prompt.name : rival.name,
    margin,
    significant,
    pValue,
    paid,
    words: words(prompt, rival, {
      significant,
      paid,
      rows,
      accuracies: [accuracy(prompt), accuracy(rival)],
    }),
  };
}

function words(
  prompt: HeldOutAnswers,
  rival: HeldOutAnswers,
  seen: { significant: boolean; paid: boolean; rows: number; accuracies: [number, number] },
): string {
  const percent = (value: number) => `${(100 * value).toFixed(1)} %`;
  const [own, other] = seen.accuracies;
  if (seen.rows === 0) return "No row could be held out, so nothing tells whether the prompt pays.";
  const facts = `${capital(prompt.title)}: ${percent(own)} of ${seen.rows} held-out rows right; best baseline (${rival.title}): ${percent(other)}.`;
  if (!seen.paid) return `${facts} The prompt doesn't pay here.`;
  if (!seen.significant) return `${facts} That is no more than noise: these rows can't tell the two apart.`;
  return `${facts} A paired test calls the difference more than noise: the prompt pays.`;
}

function share(expected: Int32Array, predicted: Int32Array): number {
  return countRight(expected, predicted) / Math.max(1, expected.length);
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
