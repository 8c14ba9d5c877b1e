import { type CrossValidated, mainFigure, type Score, type TuneReport } from "@kilotune/contract";
import { accuracyAxis, foldsRow, whiskerAxis } from "../charts/dots.ts";
import { html, type Markup } from "../escape.ts";
import { capitalised, figureTitles } from "../figure-title.ts";
import { counted, dash, percent, points } from "../format.ts";
import { clip } from "../visible-text.ts";
import { section } from "./section.ts";
import { type Column, stackedTable } from "./stacked-table.ts";

/** Each fold's figure as a dot, their mean and their spread: on rows that nothing has chosen by. */
export function crossValidation(report: TuneReport): Markup | null {
  const { crossValidation: crossed } = report;
  if (crossed === undefined) return null;
  const { main } = figureTitles(report);
  const known = crossed.candidates.flatMap(({ scores }) => scores.filter((score) => score !== null));
  const axis = accuracyAxis(known.map(withoutInterval));
  const columns: Column[] = [
    { name: "Candidate", kind: "head" },
    { name: `${capitalised(main)} of each fold`, kind: "plot", drawing: whiskerAxis(axis) },
    { name: "Mean", kind: "number" },
    { name: "Deviation", kind: "number" },
    { name: "Folds", kind: "text" },
  ];
  const smallest = Math.min(...crossed.folds.map(({ rows }) => rows));
  const largest = Math.max(...crossed.folds.map(({ rows }) => rows));
  const sizes = smallest === largest ? counted(largest, "row") : `${smallest} to ${counted(largest, "row")}`;
  return section(
    "cross-validation",
    "Cross-validation",
    html`<p>The whole job, choices and all, was done ${counted(crossed.folds.length, "time")}, each on all rows but a fold of ${sizes}, and measured on that fold. The published prompt has learnt from all rows: expect it to do about as well, or a little better. Dots are folds, the line is a standard deviation to either side of their mean.</p>`,
    stackedTable(
      "cross-validation",
      columns,
      crossed.candidates.map((candidate) => ({
        published: candidate.name === "published",
        cells: [
          clip(candidate.title, 60),
          foldsRow(axis, candidate),
          percent(candidate.mean),
          points(candidate.deviation),
          foldWords(candidate),
        ],
      })),
    ),
    known.some((score) => mainFigure(score).value < axis.min)
      ? html`<p class="quiet">The axis starts at ${percent(axis.min, 0)}; an arrow at its left edge stands for folds below that.</p>`
      : null,
    crossed.grouped > 0
      ? html`<p class="quiet">${counted(crossed.grouped, "row is", "rows are")} nearly the same as others, or of one patient with them; no fold parts those.</p>`
      : null,
    crossed.alwaysLearnt > 0
      ? html`<p class="quiet">${counted(crossed.alwaysLearnt, "row was", "rows were")} always learnt from, since a class would have had none else.</p>`
      : null,
  );
}

function foldWords({ scores }: CrossValidated): string {
  return scores.map((score) => (score === null ? dash : percent(mainFigure(score).value))).join(" · ");
}

/** Folds are small: their own intervals would stretch the axis far beyond what is drawn. */
function withoutInterval(score: Score): Score {
  const { name, value } = mainFigure(score);
  return { rows: score.rows, main: name, figures: { [name]: value } };
}
