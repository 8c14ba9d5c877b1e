import type { Score, TuneReport } from "@kilotune/contract";
import { html, type Markup } from "../escape.ts";
import { count, percent, points } from "../format.ts";
import { labelName } from "./label-name.ts";
import { scoreWords, section } from "./section.ts";
import { stackedTable } from "./stacked-table.ts";

/** Further test files, e.g. other languages, and what each result means for the reader. */
export function otherTests({ otherTests, candidates, evaluation }: TuneReport): Markup | null {
  if (otherTests.length === 0) return null;
  const majority = candidates.find(({ name }) => name === "majority");
  const floor = (majority?.test ?? majority?.heldOut)?.accuracy ?? 0;
  return section(
    "other-tests",
    "Other test files",
    html`<p>The same prompt on files that it was not tuned for. The main result to compare with: ${percent(evaluation.accuracy)}.</p>`,
    stackedTable(
      "other-tests",
      [
        { name: "File", kind: "head" },
        { name: "Rows", kind: "number" },
        { name: "Published", kind: "number" },
        { name: "Linear probe", kind: "number" },
        { name: "What it means", kind: "text" },
      ],
      otherTests.map(({ name, rows, published, linearProbe }) => ({
        cells: [
          labelName(name),
          count(rows),
          scoreWords(published),
          scoreWords(linearProbe),
          `${meaning(published, evaluation.accuracy, floor)} ${againstProbe(published, linearProbe)}`,
        ],
      })),
    ),
  );
}

/** The interval decides, not the point: a few rows allow no firm word. `floor` is what always answering one label gets. */
function meaning({ accuracy, interval: [low, high] }: Score, main: number, floor: number): string {
  if (![accuracy, low, high, main].every(Number.isFinite)) return "Nothing was measured.";
  if (high >= main && low <= floor) return "Too few rows to say anything.";
  if (high >= main) return "As good as on the main file, as far as these rows can tell.";
  if (low <= floor)
    return "These rows don't show it to be better than always giving the most frequent answer: do not use it on such texts.";
  if (accuracy >= main * 0.85) return "A little weaker than on the main file, still usable.";
  if (accuracy >= main * 0.6)
    return "Much weaker than on the main file: let a person check, or tune on examples of this kind.";
  return "The backbone understands little of this: choose one that was trained on such texts.";
}

function againstProbe(published: Score, probe: Score): string {
  const difference = published.accuracy - probe.accuracy;
  if (!Number.isFinite(difference)) return "";
  if (Math.abs(difference) < 0.0005) return "Level with the linear probe.";
  return `${points(difference)} ${difference > 0 ? "above" : "below"} the linear probe.`;
}
