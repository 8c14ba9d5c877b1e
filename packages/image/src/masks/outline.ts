import type { Polygon } from "./polygon.ts";

/**
 * The outer edges of a mask, along the sides of its pixels: one polygon for each part whose pixels hang together by their
 * sides. Drawn again with `polygonsToRle` they give the mask with its holes filled: COCO's polygons know no holes, its runs do.
 *
 * @param mask [height, width] row after row; any number but 0 is in
 */
export function outlineMask(mask: ArrayLike<number>, width: number, height: number): Polygon[] {
  const inside = (x: number, y: number) =>
    x >= 0 && y >= 0 && x < width && y < height && mask[y * width + x] !== 0;
  // Only upper sides start a walk; a walk marks those that it passes, so each edge is walked once.
  const walked = new Uint8Array(width * height);
  const outlines: Polygon[] = [];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!inside(x, y) || inside(x, y - 1) || walked[y * width + x] === 1) continue;
      const { corners, area } = walk(x, y, inside, (px, py) => {
        walked[py * width + px] = 1;
      });
      if (area > 0) outlines.push(corners);
    }
  }
  return outlines;
}

/** Right, down, left, up. */
const STEPS = [
  [1, 0],
  [0, 1],
  [-1, 0],
  [0, -1],
] as const;

/** Around with the mask on the right hand, from the upper left corner of a pixel with nothing above it. */
function walk(
  startX: number,
  startY: number,
  inside: (x: number, y: number) => boolean,
  passUpperSide: (x: number, y: number) => void,
): { corners: number[]; area: number } {
  const corners: number[] = [];
  let [x, y, heading, turn, area] = [startX, startY, 0, -1, 0];
  do {
    if (heading !== turn) corners.push(x, y);
    turn = heading;
    if (heading === 0) passUpperSide(x, y);
    const [dx, dy] = STEPS[heading]!;
    area += x * dy - y * dx;
    x += dx;
    y += dy;
    // The two pixels ahead, left and right of the way: right first, so that parts which touch at a corner stay two.
    const ahead = (side: 0 | 1) => {
      const across = STEPS[(heading + 1) % 4]!;
      const [ax, ay] = [
        dx + (side === 1 ? across[0] : -across[0]),
        dy + (side === 1 ? across[1] : -across[1]),
      ];
      return inside(x + (ax - 1) / 2, y + (ay - 1) / 2);
    };
    if (!ahead(1)) heading = (heading + 1) % 4;
    else if (ahead(0)) heading = (heading + 3) % 4;
  } while (x !== startX || y !== startY || heading !== 0);
  return { corners, area: area / 2 };
}
