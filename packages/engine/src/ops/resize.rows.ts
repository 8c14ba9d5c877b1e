import { fixed, floats, type Row, vector } from "./testing.ts";

const X = floats([1, 1, 1, 2], [1, 5], ["B", 1, 1, 2]);

export const RESIZE_ROWS: readonly Row[] = [
  // As a detector's neck doubles its maps.
  {
    op: "Resize",
    inputs: [X, null, fixed(floats([4], [1, 1, 2, 2]))],
    attributes: { mode: "nearest", coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" },
    outputs: [floats([1, 1, 2, 4], [1, 1, 5, 5, 1, 1, 5, 5], ["B", 1, 2, 4])],
    upstream: [[1, 2, 3, 4, 10, 20, 30, 40]],
    gradients: [[33, 77], null, null],
  },
  // Middles at -1/4, 1/4, 3/4 and 5/4 of the way: the edge holds, between them a quarter and three.
  {
    op: "Resize",
    inputs: [floats([1, 1, 1, 2], [1, 5]), null, null, vector(1, 1, 1, 4)],
    attributes: { mode: "linear" },
    outputs: [floats([1, 1, 1, 4], [1, 2, 4, 5])],
    upstream: [[1, 4, 40, 100]],
    gradients: [[14, 131], null, null, null],
  },
  // Halved: linear sees the two in the middle of four, antialiased also the outer ones (1/8, 3/8, 3/8, 1/8) or the edge for them.
  {
    op: "Resize",
    inputs: [floats([1, 1, 1, 4], [0, 4, 8, 0]), null, null, vector(1, 1, 1, 2)],
    attributes: { mode: "linear" },
    outputs: [floats([1, 1, 1, 2], [2, 4])],
    upstream: [[2, 20]],
    gradients: [[1, 1, 10, 10], null, null, null],
  },
  {
    op: "Resize",
    inputs: [floats([1, 1, 1, 4], [0, 8, 16, 0]), null, null, vector(1, 1, 1, 2)],
    attributes: { mode: "linear", antialias: 1 },
    outputs: [floats([1, 1, 1, 2], [5, 7])],
    upstream: [[8, 80]],
    gradients: [[4, 13, 31, 40], null, null, null],
  },
  {
    op: "Resize",
    inputs: [floats([1, 1, 1, 3], [1, 2, 4]), null, null, vector(1, 1, 1, 5)],
    attributes: { mode: "linear", coordinate_transformation_mode: "align_corners" },
    outputs: [floats([1, 1, 1, 5], [1, 1.5, 2, 3, 4])],
    upstream: [[1, 2, 3, 4, 5]],
    gradients: [[2, 6, 7], null, null, null],
  },
  // The middle of two: (-3 + 19 + 19 - 3) / 32 of a line with its edges repeated, a = -3/4.
  {
    op: "Resize",
    inputs: [floats([1, 1, 1, 2], [0, 32]), null, null, vector(1, 1, 1, 1)],
    attributes: { mode: "cubic" },
    outputs: [floats([1, 1, 1, 1], [16])],
    gradients: [[0.5, 0.5], null, null, null],
  },
  {
    op: "Resize",
    inputs: [X, null, null, vector(1, 1, 1, 4)],
    attributes: { mode: "linear", coordinate_transformation_mode: "tf_crop_and_resize" },
    refuses:
      "Resize: coordinate_transformation_mode is one of half_pixel, pytorch_half_pixel, asymmetric, align_corners, seen: tf_crop_and_resize",
  },
  {
    op: "Resize",
    inputs: [floats([1, 1, 1, 2], [1, 5], [1, 1, 1, "W"]), null, null, vector(1, 1, 1, 4)],
    attributes: { mode: "linear" },
    refuses: "Resize needs image sizes in numbers, seen: W",
  },
];
