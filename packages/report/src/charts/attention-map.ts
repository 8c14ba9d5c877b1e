import type { BoxCorners, Picture } from "@kilotune/contract";
import { html, type Markup } from "../escape.ts";
import { clip } from "../visible-text.ts";

/** Strengths that a cell can have: more can't be told apart, and cells of one are one path. */
const LEVELS = 12;

/**
 * A picture with a grid of values over it, each cell the stronger the higher its value between the least and the most.
 *
 * @param values [rows * columns]
 * @param frame where the grid lies, in pixels of the picture
 * @param description for those who can't see it
 */
export function attentionMap(
  { width, height, source }: Picture,
  values: readonly number[],
  {
    grid: { rows, columns },
    frame,
  }: { readonly grid: { readonly rows: number; readonly columns: number }; readonly frame: BoxCorners },
  description: string,
): Markup {
  const [left, top, right, bottom] = frame;
  const least = Math.min(...values);
  const reach = Math.max(...values) - least;
  const levels = Array.from({ length: LEVELS }, () => "");
  values.slice(0, rows * columns).forEach((value, at) => {
    const level = reach > 0 ? Math.min(LEVELS - 1, Math.floor(((value - least) / reach) * LEVELS)) : 0;
    levels[level] += `M${at % columns} ${Math.floor(at / columns)}h1v1h-1z`;
  });
  const scale = [(right - left) / columns, (bottom - top) / rows];
  const isDrawable = [...frame, ...values].every(Number.isFinite) && scale.every((each) => each > 0);
  return html`<svg class="overlay attention" viewBox="0 0 ${width} ${height}" role="img"><title>${clip(description, 200)}</title><desc>${clip(description, 200)}</desc>
<image href="${source}" width="${width}" height="${height}"/>
${
  isDrawable
    ? html`<g transform="translate(${left} ${top}) scale(${(scale[0] as number).toFixed(4)} ${(scale[1] as number).toFixed(4)})" shape-rendering="crispEdges">${levels.map(
        (path, level) =>
          path === "" || level === 0
            ? null
            : html`<path d="${path}" fill-opacity="${((0.85 * level) / (LEVELS - 1)).toFixed(2)}"/>`,
      )}</g>`
    : null
}
</svg>`;
}
