import { isClassification, mainFigure, type Score, type TuneReport } from "@kilotune/contract";
import { html, type Markup } from "../escape.ts";
import { count, percent, points } from "../format.ts";
import { labelName } from "./label-name.ts";
import { scoreWords, section } from "./section.ts";
import { stackedTable } from "./stacked-table.ts";

/** Further test files, e.g. other languages, and what each result means for the reader. */
export function otherTests(report: TuneReport): Markup | null {
  const { otherTests, candidates } = report;
  if (otherTests.length === 0) return null;
  const majority = candidates.find(({ name }) => name === "majority");
  const lowest = majority?.test ?? majority?.heldOut;
  const floor = lowest ? mainFigure(lowest).value : 0;
  const main = mainOf(report);
  const probed = otherTests.some(({ linearProbe }) => linearProbe !== undefined);
  return section(
    "other-tests",
    "Other test files",
    html`<p>The same prompt on files that it was not tuned for. The main result to compare with: ${percent(main)}.</p>`,
    stackedTable(
      "other-tests",
      [
        { name: "File", kind: "head" },
        { name: "Rows", kind: "number" },
        { name: "Published", kind: "number" },
        ...(probed ? [{ name: "Linear probe", kind: "number" } as const] : []),
        { name: "What it means", kind: "text" },
      ],
      otherTests.map(({ name, rows, published, linearProbe }) => ({
        cells: [
          labelName(name),
          count(rows),
          scoreWords(published),
          ...(probed ? [scoreWords(linearProbe ?? null)] : []),
          `${meaning(published, main, floor)} ${againstProbe(published, linearProbe)}`,
        ],
      })),
    ),
  );
}

function mainOf(report: TuneReport): number {
  if (isClassification(report)) return report.evaluation.accuracy;
  const published = report.candidates.find((candidate) => candidate.published);
  const score = published?.test ?? published?.heldOut;
  return score ? mainFigure(score).value : Number.NaN;
}

/** The interval decides, not the point: a few rows allow no firm word. `floor` is what always answering one label gets. */
function meaning(score: Score, main: number, floor: number): string {
  const {
    value: accuracy,
    interval: [low, high],
  } = mainFigure(score);
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

function againstProbe(published: Score, probe: Score | undefined): string {
  if (probe === undefined) return "";
  const difference = mainFigure(published).value - mainFigure(probe).value;
  if (!Number.isFinite(difference)) return "";
  if (Math.abs(difference) < 0.0005) return "Level with the linear probe.";
  return `${points(difference)} ${difference > 0 ? "above" : "below"} the linear probe.`;
}
