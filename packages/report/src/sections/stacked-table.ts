import { type Content, html, type Markup } from "../escape.ts";

export interface Column {
  /** The head's text; on a small screen it stands above the number in each row. */
  readonly name: string;
  /** "head" names the row; "head", "plot" and "text" take a whole line on a small screen. */
  readonly kind: "head" | "plot" | "text" | "label" | "number";
  /** Drawn in the head instead of the name, which stays for screen readers. */
  readonly drawing?: Markup;
}

export interface Row {
  readonly cells: readonly Content[];
  readonly published?: boolean;
}

/**
 * A table whose rows become little cards on a small screen. That costs a table its meaning in some browsers (a row laid
 * out as a grid is no row any more), hence the explicit roles.
 */
export function stackedTable(name: string, columns: readonly Column[], rows: readonly Row[]): Markup {
  return html`<table class="${name} stacked" role="table"><thead role="rowgroup"><tr role="row">${columns.map(head)}</tr></thead>
<tbody role="rowgroup">${rows.map((row) => html`<tr role="row"${row.published ? html` class="published"` : null}>${columns.map((column, i) => cell(column, row.cells[i]))}</tr>\n`)}</tbody></table>`;
}

function head({ name, kind, drawing }: Column): Markup {
  const content = drawing ? html`<span class="hidden">${name}</span>${drawing}` : name;
  return html`<th role="columnheader" scope="col" class="${kind}">${content}</th>`;
}

function cell({ name, kind }: Column, content: Content): Markup {
  if (kind === "head") return html`<th role="rowheader" scope="row">${content}</th>`;
  // A stranger's text may run from right to left: the cell aligns by what it holds.
  if (kind === "text") return html`<td role="cell" class="text" dir="auto">${content}</td>`;
  return html`<td role="cell" class="${kind}" data-name="${name}">${content}</td>`;
}
