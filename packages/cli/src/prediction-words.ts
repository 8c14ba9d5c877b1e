import type { Estimate, FoundSpan, Prediction } from "@kilotune/serving";
import { bar } from "./terminal/bar.ts";
import { oneLine } from "./terminal/printable.ts";
import { table } from "./terminal/table.ts";
import type { Terminal } from "./terminal/terminal.ts";
import { percent } from "./terminal/units.ts";

/** An answer for people: the text, then its likeliest labels with their probabilities as bars. */
export function predictionWords(text: string, prediction: Prediction, terminal: Terminal): string {
  const { scores, labels, outOfScope, truncated, logits } = prediction;
  const cut = truncated ? CUT : "";
  const given = labels && `  given: ${labels.map(({ label }) => oneLine(label, 40)).join(", ") || "none"}`;
  const rows = scores
    .slice(0, Math.max(SHOWN, labels?.length ?? 0))
    .map(({ label, score }) => [`  ${oneLine(label, 40)}`, bar(score, 24), percent(score)]);
  const [best = "", ...others] = table(rows, ["left", "left", "right"]);
  return [
    `${oneLine(text, Math.max(40, terminal.columns))}${cut}`,
    ...(outOfScope ? [terminal.paint("stdout", "yellow", "  out of scope: none of the labels'")] : []),
    ...(given === undefined ? [] : [terminal.paint("stdout", "green", given)]),
    given === undefined && !outOfScope ? terminal.paint("stdout", "green", best) : best,
    ...others,
    ...(logits === undefined ? [] : [`  logits ${logits.map((logit) => logit.toFixed(4)).join(" ")}`]),
  ].join("\n");
}

/** The same of a number. */
export function estimateWords(text: string, { value, truncated }: Estimate, terminal: Terminal): string {
  const cut = truncated ? CUT : "";
  const number = terminal.paint("stdout", "green", `  ${Number(value.toPrecision(5))}`);
  return `${oneLine(text, Math.max(40, terminal.columns))}${cut}\n${number}`;
}

/** The same of named spans: each with its place. */
export function spanWords(
  text: string,
  {
    spans,
    truncated,
  }: { readonly spans: readonly (FoundSpan & { text: string })[]; readonly truncated: boolean },
  terminal: Terminal,
): string {
  const rows = spans.map(({ label, start, end, score, text: found }) => [
    `  ${oneLine(label, 40)}`,
    oneLine(found, 60),
    `${start}-${end}`,
    percent(score),
  ]);
  return [
    `${oneLine(text, Math.max(40, terminal.columns))}${truncated ? CUT : ""}`,
    ...(spans.length === 0 ? ["  no spans"] : table(rows, ["left", "left", "left", "right"])),
  ].join("\n");
}

const CUT = "  (cut: longer than the backbone reads)";
const SHOWN = 3;
