import type { FiguresEvaluation } from "@kilotune/contract";
import { figureTitle } from "../figure-title.ts";
import { html, type Markup } from "../escape.ts";
import { count, counted, dash, fixed } from "../format.ts";
import { clip } from "../visible-text.ts";
import { scrollBox, section } from "./section.ts";
import { stackedTable } from "./stacked-table.ts";

const mostMistakes = 40;

/** What a task of texts found out, in its own tables. */
export function figures({ rows, figures, tables, mistakes }: FiguresEvaluation): Markup[] {
  return [
    section(
      "figures",
      "What was measured",
      html`<p>On ${counted(rows, "row")}: ${figures.map(({ name, value }, at) => html`${at > 0 ? ", " : null}${clip(figureTitle(name), 60)} <strong>${fixed(value, 3)}</strong>`)}.</p>`,
    ),
    ...tables.map(({ title, about, columns, rows: lines }, at) =>
      section(
        `table-${at + 1}`,
        clip(title, 100),
        html`<p>${clip(about, 400)}</p>`,
        scrollBox(
          `Table ${at + 1}`,
          html`<table class="classes"><thead><tr>${columns.map((name, column) => html`<th scope="col"${column > 0 ? html` class="number"` : null}>${clip(name, 60)}</th>`)}</tr></thead>
<tbody>${lines.map((line) => html`<tr>${line.map((value, column) => (column === 0 ? html`<th scope="row">${cell(value)}</th>` : html`<td class="number">${cell(value)}</td>`))}</tr>`)}</tbody></table>`,
        ),
      ),
    ),
    section(
      "mistakes",
      "Mistakes, the worst first",
      mistakes.length === 0
        ? html`<p>None.</p>`
        : stackedTable(
            "mistakes",
            [
              { name: "Text", kind: "text" },
              { name: "Wanted", kind: "text" },
              { name: "Given", kind: "text" },
            ],
            mistakes.slice(0, mostMistakes).map(({ text, wanted, given }) => ({
              cells: [clip(text, 280), clip(wanted, 200), clip(given, 200)],
            })),
          ),
    ),
  ];
}

function cell(value: string | number | null): string {
  if (value === null) return dash;
  if (typeof value === "string") return clip(value, 100);
  return Number.isInteger(value) ? count(value) : fixed(value, 3);
}
