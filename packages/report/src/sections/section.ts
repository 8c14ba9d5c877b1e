import { mainFigure, type Score } from "@kilotune/contract";
import { type Content, html, type Markup } from "../escape.ts";
import { dash, percent, percentRange } from "../format.ts";

/** A titled part of the page. `id` is ours, never a tenant's. */
export function section(id: string, title: string, ...content: readonly Content[]): Markup {
  return html`<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>
${content}
</section>
`;
}

/** A box that scrolls sideways on a small screen; focusable, so that the keyboard can scroll it too. */
export function scrollBox(label: string, content: Content): Markup {
  return html`<div class="scroll" role="region" aria-label="${label}" tabindex="0">${content}</div>`;
}

/** What a score is compared by, with its interval below it. */
export function scoreWords(score: Score | null): Content {
  if (score === null) return dash;
  const { value } = mainFigure(score);
  const { interval } = score;
  return html`${percent(value)}${interval && html` <small>${percentRange(interval)}</small>`}`;
}
