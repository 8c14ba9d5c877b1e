import type { Region } from "./codec.ts";
import type { Preprocessing } from "./preprocessing.ts";

/** Which part of an upright image lies where in a tensor. Both ways of every mapping follow from it. */
export interface Placement {
  /** The upright original. */
  readonly image: Size;
  /** The tensor's frame. */
  readonly frame: Size;
  /** Of the image: what is seen. */
  readonly region: Region;
  /** Of the frame: where that lies. */
  readonly inner: Region;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Corners in pixels; x grows to the right, y downwards; a pixel's own square reaches from its number to the next. */
export type Box = readonly [xmin: number, ymin: number, xmax: number, ymax: number];

export function place(
  of: Size,
  { width, height, fit }: Pick<Preprocessing, "width" | "height" | "fit">,
): Placement {
  const image = { width: of.width, height: of.height };
  const frame = { width, height };
  const whole = { left: 0, top: 0, ...image };
  const all = { left: 0, top: 0, ...frame };
  if (fit.kind === "stretch") return { image, frame, region: whole, inner: all };
  if (fit.kind === "letterbox" || fit.kind === "tiles") {
    const most = fit.kind === "tiles" ? 1 : Number.POSITIVE_INFINITY;
    const scale = Math.min(most, width / image.width, height / image.height);
    return { image, frame, region: whole, inner: centred(image.width * scale, image.height * scale, frame) };
  }
  const scale = Math.max(width / image.width, height / image.height) / fit.share;
  return { image, frame, region: centred(width / scale, height / scale, image), inner: all };
}

/** In whole pixels, at least one, never more than there are. */
function centred(width: number, height: number, within: Size): Region {
  const wide = Math.min(within.width, Math.max(1, Math.round(width)));
  const high = Math.min(within.height, Math.max(1, Math.round(height)));
  return {
    left: Math.floor((within.width - wide) / 2),
    top: Math.floor((within.height - high) / 2),
    width: wide,
    height: high,
  };
}

/** A box of the image in the tensor's pixels, cut where the frame ends; null where nothing of it is seen. */
export function boxToFrame(box: Box, { region, inner }: Placement): Box | null {
  return cut(moved(box, region, inner), inner);
}

/** A box of the tensor in pixels of the upright image, cut where the image ends; null where it lies in the bars alone. */
export function boxToImage(box: Box, { image, region, inner }: Placement): Box | null {
  return cut(moved(box, inner, region), { left: 0, top: 0, ...image });
}

function moved([xmin, ymin, xmax, ymax]: Box, from: Region, to: Region): Box {
  const x = (value: number) => to.left + ((value - from.left) * to.width) / from.width;
  const y = (value: number) => to.top + ((value - from.top) * to.height) / from.height;
  return [x(xmin), y(ymin), x(xmax), y(ymax)];
}

/** Null where no area is left. */
export function cut([xmin, ymin, xmax, ymax]: Box, { left, top, width, height }: Region): Box | null {
  const inside: Box = [
    Math.max(xmin, left),
    Math.max(ymin, top),
    Math.min(xmax, left + width),
    Math.min(ymax, top + height),
  ];
  return inside[2] > inside[0] && inside[3] > inside[1] ? inside : null;
}
