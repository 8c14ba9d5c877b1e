import type { Prediction } from "@kilotune/serving";
import { bar } from "./terminal/bar.ts";
import { oneLine } from "./terminal/printable.ts";
import { table } from "./terminal/table.ts";
import type { Terminal } from "./terminal/terminal.ts";
import { percent } from "./terminal/units.ts";

/** An answer for people: the text, then its likeliest labels with their probabilities as bars. */
export function predictionWords(text: string, prediction: Prediction, terminal: Terminal): string {
  const { scores, truncated, logits } = prediction;
  const cut = truncated ? "  (cut: longer than the backbone reads)" : "";
  const rows = scores
    .slice(0, SHOWN)
    .map(({ label, score }) => [`  ${oneLine(label, 40)}`, bar(score, 24), percent(score)]);
  const [best = "", ...others] = table(rows, ["left", "left", "right"]);
  return [
    `${oneLine(text, Math.max(40, terminal.columns))}${cut}`,
    terminal.paint("stdout", "green", best),
    ...others,
    ...(logits === undefined ? [] : [`  logits ${logits.map((logit) => logit.toFixed(4)).join(" ")}`]),
  ].join("\n");
}

const SHOWN = 3;
