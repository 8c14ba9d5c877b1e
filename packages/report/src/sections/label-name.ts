import { html, type Markup } from "../escape.ts";
import { clip } from "../visible-text.ts";

/** A tenant's label on its own: kept from reordering its neighbours, and broken after "_", "-", "/" and "." first. */
export function labelName(label: string, maxLength = 60): Markup {
  const [first = "", ...rest] = clip(label, maxLength).split(/(?<=[_\-/.])/u);
  return html`<bdi>${first}${rest.map((part) => html`<wbr>${part}`)}</bdi>`;
}
