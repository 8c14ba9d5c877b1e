import type { Box } from "@kilotune/image";
import type { DetectionSpec } from "./detection-head.ts";

type Cells = Pick<DetectionSpec, "width" | "height" | "cellsPerPatch" | "cellSize" | "classes">;

/** What `detectionLoss` wants of one image; concatenated for a batch. */
export interface DetectionTargets {
  /** [R, C] */
  readonly middles: Float32Array;
  /** [R, C] */
  readonly elsewhere: Float32Array;
  /** [R, 4] */
  readonly sides: Float32Array;
  /** [R] */
  readonly inside: Float32Array;
  readonly objects: number;
}

/**
 * Objects in the tensor's frame -> targets of each cell. Around a middle the penalty for seeing one grows with the distance as
 * a bell whose width is the object's (TTFNet, arXiv:1909.00700: 0.54 / 6 of a side). Sides are learnt where that bell is high;
 * where two objects claim a cell the smaller one has it.
 *
 * @param objects labels 0 .. C - 1, boxes in pixels of the tensor
 */
export function detectionTargets(
  objects: readonly { readonly label: number; readonly box: Box }[],
  cells: Cells,
): DetectionTargets {
  const { cellSize, classes: C } = cells;
  const [across, down] = [cells.width * cells.cellsPerPatch, cells.height * cells.cellsPerPatch];
  const R = across * down;
  const middles = new Float32Array(R * C);
  const elsewhere = new Float32Array(R * C).fill(1);
  const sides = new Float32Array(R * 4).fill(1);
  const inside = new Float32Array(R);
  // The largest first, so that smaller ones overwrite.
  const ordered = [...objects].sort((a, b) => areaOf(b.box) - areaOf(a.box));
  for (const { label, box } of ordered) {
    const [left, top, right, bottom] = box.map((value) => value / cellSize) as [
      number,
      number,
      number,
      number,
    ];
    const [x, y] = [(left + right) / 2, (top + bottom) / 2];
    const spread = [right - left, bottom - top].map((side) => Math.max(0.35, (side * 0.54) / 6)) as [
      number,
      number,
    ];
    const middle = Math.min(down - 1, Math.floor(y)) * across + Math.min(across - 1, Math.floor(x));
    const reach = [Math.ceil(4 * spread[0]), Math.ceil(4 * spread[1])] as const;
    for (
      let row = Math.max(0, Math.floor(y) - reach[1]);
      row <= Math.min(down - 1, Math.floor(y) + reach[1]);
      row++
    ) {
      for (
        let column = Math.max(0, Math.floor(x) - reach[0]);
        column <= Math.min(across - 1, Math.floor(x) + reach[0]);
        column++
      ) {
        const at = row * across + column;
        const [dx, dy] = [(column + 0.5 - x) / spread[0], (row + 0.5 - y) / spread[1]];
        const bell = Math.exp(-(dx ** 2 + dy ** 2) / 2);
        elsewhere[at * C + label] = Math.min(elsewhere[at * C + label]!, (1 - bell) ** 4);
        const distances = [column + 0.5 - left, row + 0.5 - top, right - column - 0.5, bottom - row - 0.5];
        if (at !== middle && (bell < 0.3 || Math.min(...distances) <= 0)) continue;
        // An object smaller than a cell may lie beside the cell's own middle: its box is then drawn up to there.
        sides.set(
          distances.map((cells) => Math.max(0.05, cells)),
          at * 4,
        );
        inside[at] = Math.max(bell, 0.3);
      }
    }
    middles[middle * C + label] = 1;
  }
  for (let i = 0; i < middles.length; i++) if (middles[i] === 1) elsewhere[i] = 0;
  return { middles, elsewhere, sides, inside, objects: objects.length };
}

function areaOf([xmin, ymin, xmax, ymax]: Box): number {
  return (xmax - xmin) * (ymax - ymin);
}
