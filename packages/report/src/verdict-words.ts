import type { MethodName, TuneReport } from "@kilotune/contract";
import { signedPoints } from "./format.ts";

export type Tone = "pays" | "unclear" | "doesNotPay";

/** The verdict in one line, and the mood it is shown in. A difference within noise is never called a win or a loss. */
export function verdictHeadline({ verdict }: Pick<TuneReport, "verdict">): { tone: Tone; words: string } {
  const { margin, significant } = verdict;
  const points = signedPoints(margin);
  if (!Number.isFinite(margin))
    return { tone: "unclear", words: "There was nothing to compare the prompt with" };
  if (significant && margin > 0)
    return { tone: "pays", words: `Tuning pays: ${points} points over the best baseline` };
  if (significant && margin < 0)
    return {
      tone: "doesNotPay",
      words: `Tuning does not pay here: ${points} points against the best baseline`,
    };
  return { tone: "unclear", words: `No clear winner: ${points} points, within the noise` };
}

/** The published method in words. */
export function methodWords({ prompt }: Pick<TuneReport, "prompt">): string {
  const tokens = prompt.method === "head" ? "" : `, ${prompt.tokens} tokens`;
  return `${methodTitles[prompt.method] ?? prompt.method}${tokens}`;
}

const methodTitles: Readonly<Record<MethodName, string>> = {
  kv: "key/value prefixes",
  soft: "soft tokens",
  head: "linear head only",
};
