import { type Rle, rleUnion } from "./rle.ts";

/** Corners as [x, y, x, y ..] in pixels, closed from the last to the first. */
export type Polygon = readonly number[];

/** A fifth of a pixel is the grid on which COCO's tools draw. */
const FINE = 5;

/**
 * The pixels of a polygon, to the pixel those of COCO's own tools: its edges are drawn on a grid five times as fine, and a
 * column changes sides where an edge crosses its middle.
 */
export function polygonToRle(polygon: Polygon, width: number, height: number): Rle {
  const crossings = columnCrossings(polygon, width, height).sort((a, b) => a - b);
  crossings.push(width * height);
  const gaps = crossings.map((at, i) => at - (crossings[i - 1] ?? 0));
  // Two crossings at one place cancel out.
  const counts: number[] = [gaps[0]!];
  for (let i = 1; i < gaps.length; i++) {
    if (gaps[i]! > 0) counts.push(gaps[i]!);
    else if (++i < gaps.length) counts[counts.length - 1] = counts.at(-1)! + gaps[i]!;
  }
  return { width, height, counts };
}

/** All polygons of one object together. */
export function polygonsToRle(polygons: readonly Polygon[], width: number, height: number): Rle {
  return rleUnion(polygons.map((polygon) => polygonToRle(polygon, width, height)));
}

/** Places in the runs' order (column * height + row) where the boundary crosses the middle of a column. */
function columnCrossings(polygon: Polygon, width: number, height: number): number[] {
  const crossings: number[] = [];
  let last: { u: number; v: number } | null = null;
  for (const point of finePoints(polygon)) {
    const before = last;
    last = point;
    if (before === null || before.u === point.u) continue;
    const x = (Math.min(point.u, before.u) + 0.5) / FINE - 0.5;
    if (!Number.isInteger(x) || x < 0 || x > width - 1) continue;
    const y = (Math.min(point.v, before.v) + 0.5) / FINE - 0.5;
    crossings.push(x * height + Math.ceil(Math.min(height, Math.max(0, y))));
  }
  return crossings;
}

/** Every grid point on the way around, each edge from its first corner to its second, both included. */
function* finePoints(polygon: Polygon): Generator<{ u: number; v: number }> {
  const corners = polygon.length / 2;
  const at = (i: number) => Math.trunc(FINE * polygon[i]! + 0.5);
  for (let i = 0; i < corners; i++) {
    const next = (i + 1) % corners;
    let [xs, ys, xe, ye] = [at(2 * i), at(2 * i + 1), at(2 * next), at(2 * next + 1)];
    const [dx, dy] = [Math.abs(xe - xs), Math.abs(ye - ys)];
    const flat = dx >= dy;
    // Always computed in one direction, so that two shapes that share an edge share its pixels.
    const turned = flat ? xs > xe : ys > ye;
    if (turned) [xs, ys, xe, ye] = [xe, ye, xs, ys];
    const slope = flat ? (ye - ys) / dx : (xe - xs) / dy;
    const steps = flat ? dx : dy;
    for (let d = 0; d <= steps; d++) {
      const t = turned ? steps - d : d;
      // A corner given twice has no slope.
      const off = steps === 0 ? 0 : Math.trunc((flat ? ys : xs) + slope * t + 0.5) - (flat ? ys : xs);
      yield flat ? { u: xs + t, v: ys + off } : { u: xs + off, v: ys + t };
    }
  }
}
