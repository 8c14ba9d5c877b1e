import { classColour } from "@kilotune/contract";
import { IGNORED, type LabelMap, maskOf } from "../masks/label-map.ts";
import { outlineMask } from "../masks/outline.ts";
import type { Pixels } from "../pixels.ts";
import type { Box } from "../placement.ts";
import { loadSharp } from "./load-sharp.ts";

/** What is drawn over an image. */
export interface Drawing {
  readonly boxes?: readonly { readonly label: number; readonly words: string; readonly box: Box }[];
  /** Of the image's size. The first class is what lies around the others: it isn't tinted. */
  readonly map?: LabelMap;
  /** Written into the upper left corner, each with its class's colour; a class of undefined has none. */
  readonly legend?: readonly { readonly label: number | undefined; readonly words: string }[];
}

/**
 * An upright image with boxes, masks and their names over it, as a PNG file. Names stand beside colours, and edges have a dark
 * seam, so that no answer is told by its hue alone.
 */
export async function drawAnswer(image: Pixels, drawing: Drawing): Promise<Uint8Array> {
  const { width, height, channels, data } = image;
  const svg = svgOf(width, height, drawing);
  return loadSharp()(data, { raw: { width, height, channels } })
    .toColourspace("srgb")
    .composite([{ input: Buffer.from(svg), top: 0, left: 0 }])
    .removeAlpha()
    .png()
    .toBuffer();
}

function svgOf(width: number, height: number, { boxes = [], map, legend = [] }: Drawing): string {
  // Strokes and words in proportion to the image: a screen shows it whole.
  const stroke = Math.max(1, Math.min(width, height) / 200);
  const size = Math.max(8, Math.min(width, height) / 28);
  const words = (x: number, y: number, text: string, colour: string) =>
    `<text x="${fixed(x)}" y="${fixed(y)}" font-family="sans-serif" font-size="${fixed(size)}" font-weight="600" fill="${colour}" stroke="#000" stroke-width="${fixed(size / 5)}" stroke-linejoin="round" paint-order="stroke">${escaped(text)}</text>`;
  const path = (d: string, colour: string, fill: string) =>
    `<path d="${d}" fill="${fill}" fill-opacity="0.35" fill-rule="evenodd" stroke="#000" stroke-width="${fixed(2.2 * stroke)}" stroke-opacity="0.6"/><path d="${d}" fill="none" stroke="${colour}" stroke-width="${fixed(1.2 * stroke)}"/>`;
  const parts: string[] = [];
  if (map !== undefined) {
    const labels = new Set(map.data);
    for (const label of [...labels].sort((a, b) => a - b)) {
      if (label === 0 || label === IGNORED) continue;
      const outlines = outlineMask(maskOf(map, label), width, height);
      parts.push(path(outlines.map(closed).join(""), classColour(label), classColour(label)));
    }
  }
  // The surest on top.
  for (const { label, words: text, box } of [...boxes].reverse()) {
    const [left, top, right, bottom] = box;
    parts.push(
      path(closed([left, top, right, top, right, bottom, left, bottom]), classColour(label), "none"),
    );
    parts.push(words(left, top < size * 1.4 ? bottom + size : top - size / 3, text, classColour(label)));
  }
  legend.forEach(({ label, words: text }, at) => {
    const colour = label === undefined ? "#ffffff" : classColour(label);
    parts.push(words(size / 3, size * (1.2 + 1.25 * at), text, colour));
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${parts.join("")}</svg>`;
}

function closed(points: readonly number[]): string {
  let path = "";
  for (let at = 0; at < points.length; at += 2)
    path += `${at === 0 ? "M" : "L"}${fixed(points[at]!)} ${fixed(points[at + 1]!)}`;
  return `${path}Z`;
}

function fixed(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** Labels are strangers' text: no markup, and no character that XML doesn't know. */
function escaped(text: string): string {
  const known = [...text]
    .slice(0, 60)
    .filter((character) => character >= " " && !/[\uD800-\uDFFF\uFFFE\uFFFF]/u.test(character))
    .join("");
  return known.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
