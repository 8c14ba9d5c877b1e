import { bestCompared, type ComparedMethod, judgedBy, mainFigure, type TuneReport } from "@kilotune/contract";
import { comparedTitle } from "../compared-title.ts";
import { accuracyAxis, whiskerAxis, whiskerRow } from "../charts/dots.ts";
import { type Content, html, type Markup } from "../escape.ts";
import { bytes, count, counted, dash, duration, percent, points } from "../format.ts";
import { clip } from "../visible-text.ts";
import { scoreWords, section } from "./section.ts";
import { type Column, stackedTable } from "./stacked-table.ts";

/** What prompt engineering, examples and tuning reach on the same rows, and what each costs; of a comparison alone. */
export function comparison({ comparison }: TuneReport): Markup | null {
  if (comparison === undefined || comparison.length === 0) return null;
  const scores = comparison.flatMap((method) =>
    [judgedBy(method), method.test].filter((score) => score !== null),
  );
  const folds = comparison.find(({ crossValidated }) => crossValidated)?.crossValidated;
  const isTested = comparison.some(({ test }) => test !== null) || !folds;
  const axis = accuracyAxis(scores);
  const best = bestCompared(comparison);
  const columns: Column[] = [
    { name: "Method", kind: "head" },
    { name: "Accuracy with interval", kind: "plot", drawing: whiskerAxis(axis) },
    ...(folds ? [{ name: "Folds", kind: "number" } as const] : []),
    { name: "Held-out", kind: "number" },
    ...(isTested ? [{ name: "Test", kind: "number" } as const] : []),
    { name: "Trained numbers", kind: "number" },
    { name: "Stored", kind: "number" },
    { name: "Tuning", kind: "number" },
    { name: "Switch", kind: "number" },
  ];
  return section(
    "comparison",
    "Methods side by side",
    html`<p>The same rows on the same backbone. Hollow dots are accuracies ${folds ? `of cross-validation: ${counted(folds.rows, "row")} in ${folds.folds} folds, each row answered by what had learnt from the other folds alone` : "on held-out rows"}${isTested ? ", filled ones on test rows" : ""}; whiskers are their 95 % intervals: where they overlap widely, these rows cannot tell two methods apart. The best one is told by ${folds ? "the folds" : "held-out rows"}${isTested ? "; test rows have chosen nothing" : ""}.</p>`,
    stackedTable(
      "comparison",
      columns,
      comparison.map((method) => ({
        published: method === best,
        cells: [
          html`${clip(comparedTitle(method), 60)}${method === best ? html` <span class="chip">best</span>` : null}`,
          whiskerRow(axis, judgedBy(method), method.test),
          ...(folds ? [foldsWords(method)] : []),
          scoreWords(method.heldOut),
          ...(isTested ? [scoreWords(method.test)] : []),
          count(method.trainableParameters),
          bytes(method.sizeBytes),
          duration(method.seconds),
          method.switchSeconds === null ? dash : duration(method.switchSeconds),
        ],
      })),
    ),
    html`<p class="quiet">Stored: for each tenant. Tuning: from the training file to what answers, with the runs on a part of the rows that held-out figures come from, and with the baselines that a prompt is judged by. Switch: the first answer by a file that isn't in memory, less an answer by one that is; a dash where there is nothing to load.${
      scores.some((score) => mainFigure(score).value < axis.min)
        ? ` The axis starts at ${percent(axis.min, 0)}; an arrow at its left edge stands for a score below that.`
        : ""
    }</p>`,
  );
}

/** With how far folds lie apart. */
function foldsWords({ crossValidated = null }: ComparedMethod): Content {
  if (crossValidated === null) return dash;
  return html`${scoreWords(crossValidated)} <small>± ${points(crossValidated.deviation)}</small>`;
}
