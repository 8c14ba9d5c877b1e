import type { Score, TuneReport } from "@kilotune/contract";
import { html, type Markup } from "../escape.ts";
import { count, percent, percentRange, signedPoints } from "../format.ts";
import { clip } from "../visible-text.ts";
import { scrollBox, section } from "./section.ts";

/** Further test files, e.g. other languages, and what each result means for the reader. */
export function otherTests({ otherTests, candidates, evaluation }: TuneReport): Markup | null {
  if (otherTests.length === 0) return null;
  const majority = candidates.find(({ name }) => name === "majority");
  const floor = (majority?.test ?? majority?.heldOut)?.accuracy ?? 0;
  return section(
    "other-tests",
    "Other test files",
    html`<p>The same prompt on files that it was not tuned for. The main result to compare with: ${percent(evaluation.accuracy)}.</p>`,
    scrollBox(
      "Other test files",
      html`<table class="other-tests"><thead><tr><th scope="col">File</th><th scope="col" class="number">Rows</th><th scope="col" class="number">Published</th><th scope="col" class="number">Linear probe</th><th scope="col">What it means</th></tr></thead>
<tbody>${otherTests.map(
        ({ name, rows, published, linearProbe }) =>
          html`<tr><th scope="row"><bdi>${clip(name, 60)}</bdi></th><td class="number">${count(rows)}</td>${scoreCell(published)}${scoreCell(linearProbe)}<td class="text">${meaning(published, evaluation.accuracy, floor)} ${againstProbe(published, linearProbe)}</td></tr>`,
      )}</tbody></table>`,
    ),
  );
}

function scoreCell(score: Score): Markup {
  return html`<td class="number">${percent(score.accuracy)}<small>${percentRange(score.interval)}</small></td>`;
}

/** The interval decides, not the point: a few rows allow no firm word. `floor` is what always answering one label gets. */
function meaning({ accuracy, interval: [low, high] }: Score, main: number, floor: number): string {
  if (![accuracy, low, high, main].every(Number.isFinite)) return "Nothing was measured.";
  if (high >= main) return "As good as on the main file, as far as these rows can tell.";
  if (low <= floor)
    return "No better than always giving the most frequent answer: do not use it on such texts.";
  if (accuracy >= main * 0.85) return "A little weaker than on the main file, still usable.";
  if (accuracy >= main * 0.6)
    return "Much weaker than on the main file: let a person check, or tune on examples of this kind.";
  return "The backbone understands little of this: choose one that was trained on such texts.";
}

function againstProbe(published: Score, probe: Score): string {
  const difference = published.accuracy - probe.accuracy;
  return Number.isFinite(difference) ? `${signedPoints(difference)} points against the linear probe.` : "";
}
