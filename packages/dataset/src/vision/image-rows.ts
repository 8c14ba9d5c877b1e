import type { CocoRle, Polygon } from "@kilotune/image/masks";

/** A row about an image, as written in the file. */
export interface ImageRow {
  /** Where the image lies, from the folder of the rows' file on; or the image itself, as a `data:` URL (see `readRowFile`). */
  readonly image: string;
  /** Whose image it is, where given: images of one patient belong into one file. */
  readonly patient: string | null;
  readonly target: Target;
  /** 1-based line; of a COCO file, which has no lines for rows, the image's number. */
  readonly line: number;
}

export type Target =
  /** `several`: any number of labels, none included. Otherwise there is exactly one. */
  | { readonly kind: "labels"; readonly labels: readonly string[]; readonly several: boolean }
  /** `file` as `image`. */
  | { readonly kind: "mask"; readonly file: string }
  | { readonly kind: "segments"; readonly segments: readonly Segment[] }
  | { readonly kind: "objects"; readonly objects: readonly ImageObject[] };

/** One object's pixels, as COCO writes them: polygons that belong together, or runs. */
export interface Segment {
  readonly label: string;
  readonly segmentation: readonly Polygon[] | CocoRle;
}

/** Corners in pixels of the upright image, xmax and ymax one past the last pixel. */
export interface ImageObject {
  readonly label: string;
  readonly box: readonly [xmin: number, ymin: number, xmax: number, ymax: number];
  /** Of an answer that is written, 0..1; never read. */
  readonly score?: number;
}

export type VisionTask = "classify" | "segment" | "detect";
