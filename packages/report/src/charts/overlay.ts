import { type BoxCorners, classColour, type Outline, type Picture } from "@kilotune/contract";
import { html, type Markup } from "../escape.ts";
import { clip } from "../visible-text.ts";

export interface OverlayBox {
  readonly label: number;
  readonly box: BoxCorners;
  /** Written beside the box. */
  readonly words?: string;
}

export interface Overlay {
  readonly truth: { readonly boxes?: readonly OverlayBox[]; readonly outlines?: readonly Outline[] };
  readonly answer: { readonly boxes?: readonly OverlayBox[]; readonly outlines?: readonly Outline[] };
}

/**
 * A picture with what is true and what was said drawn over it. Truth and answer differ in the stroke as in the colour: dashed
 * white on black, and plain in the class's colour.
 *
 * @param description for those who can't see it
 */
export function overlay(
  { width, height, source }: Picture,
  { truth, answer }: Overlay,
  description: string,
): Markup {
  return html`<svg class="overlay" viewBox="0 0 ${width} ${height}" role="img"><title>${clip(description, 200)}</title><desc>${clip(description, 200)}</desc>
<image href="${source}" width="${width}" height="${height}"/>
${(answer.outlines ?? []).map((each) => area(each))}${(truth.outlines ?? []).map((each) => outline(each, "true-edge"))}${(truth.boxes ?? []).map((each) => rectangle(each, "true-edge"))}${(answer.boxes ?? []).map((each) => rectangle(each, "said"))}
</svg>`;
}

function area({ label, points }: Outline): Markup | null {
  return isDrawable(points)
    ? html`<path class="said" d="${pathOf(points)}" stroke="${classColour(label)}" fill="${classColour(label)}" fill-opacity="0.25"/>`
    : null;
}

function outline({ points }: Outline, kind: string): Markup | null {
  return isDrawable(points)
    ? html`<path class="${kind} under" d="${pathOf(points)}"/><path class="${kind}" d="${pathOf(points)}"/>`
    : null;
}

function rectangle({ label, box, words }: OverlayBox, kind: "true-edge" | "said"): Markup | null {
  if (!isDrawable([...box, 0, 0])) return null;
  const [left, top, right, bottom] = box;
  const path = pathOf([left, top, right, top, right, bottom, left, bottom]);
  if (kind === "true-edge")
    return html`<path class="${kind} under" d="${path}"/><path class="${kind}" d="${path}"/>`;
  const colour = classColour(label);
  return html`<path class="said" d="${path}" stroke="${colour}"/>${words === undefined ? null : html`<text class="said-words" x="${left + 1}" y="${Math.max(7, top - 1)}" fill="${colour}">${clip(words, 30)}</text>`}`;
}

/** Numbers of a report may come from a file: what isn't finite would break the drawing. */
function isDrawable(points: readonly number[]): boolean {
  return points.length >= 6 && points.length % 2 === 0 && points.every(Number.isFinite);
}

function pathOf(points: readonly number[]): string {
  let path = "";
  for (let at = 0; at < points.length; at += 2)
    path += `${at === 0 ? "M" : "L"}${points[at]} ${points[at + 1]}`;
  return `${path}Z`;
}
