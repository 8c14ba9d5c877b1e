import { METHOD_TITLES, type TuneReport } from "@kilotune/contract";
import { count, points } from "./format.ts";

export type Tone = "pays" | "unclear" | "doesNotPay";

/** The verdict in one line, and the mood it is shown in. A difference within noise is never called a win or a loss. */
export function verdictHeadline({ verdict }: Pick<TuneReport, "verdict">): { tone: Tone; words: string } {
  const { margin, significant } = verdict;
  if (!Number.isFinite(margin))
    return { tone: "unclear", words: "There was nothing to compare the prompt with" };
  const against = `${points(margin)} ${margin < 0 ? "below" : "above"} the best baseline`;
  if (!significant || margin === 0)
    return { tone: "unclear", words: `No clear winner: ${against} is within noise` };
  return margin > 0
    ? { tone: "pays", words: `Tuning pays: ${against}` }
    : { tone: "doesNotPay", words: `Tuning does not pay here: ${against}` };
}

/** The published method in words. */
export function methodWords({ prompt }: Pick<TuneReport, "prompt">): string {
  const tokens =
    prompt.method === "head"
      ? ""
      : prompt.method === "channels"
        ? `, ${count(prompt.tokens)} channels`
        : prompt.method === "border"
          ? `, ${count(prompt.tokens)} pixels wide`
          : prompt.method === "lora"
            ? `, rank ${count(prompt.tokens)}`
            : prompt.method === "bias"
              ? `, ${count(prompt.tokens)} numbers`
              : `, ${count(prompt.tokens)} tokens`;
  return `${METHOD_TITLES[prompt.method] ?? prompt.method}${tokens}`;
}
