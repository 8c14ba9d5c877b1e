import { parseRle } from "@kilotune/image/masks";
import { errorAt, type Finding, type Place, warningAt } from "../reading.ts";
import type { ImageRow } from "./image-rows.ts";
import type { ImageSize } from "./yolo.ts";

/** Boxes and runs that don't fit the image. */
export function findingsOfPlaces({ target, line }: ImageRow, { width, height }: ImageSize): Finding[] {
  const place = { line, column: 0 };
  if (target.kind === "segments") {
    return target.segments.flatMap(({ segmentation }, i) => {
      if (!("counts" in segmentation)) return [];
      const rle = parseRle(segmentation);
      if (rle.width === width && rle.height === height) return [];
      return [maskSize(place, `segment ${i + 1}: expected`, { width, height }, rle)];
    });
  }
  if (target.kind !== "objects") return [];
  return target.objects.flatMap(({ box }, i) => {
    const [xmin, ymin, xmax, ymax] = box;
    if (xmin >= 0 && ymin >= 0 && xmax <= width && ymax <= height) return [];
    const seen = `[${box.map((value) => Math.round(value * 100) / 100).join(", ")}]`;
    const message = `object ${i + 1}: expected a box inside ${width} x ${height}, seen ${seen}.`;
    const gone = xmin >= width || ymin >= height || xmax <= 0 || ymax <= 0;
    if (gone)
      return [
        errorAt(
          place,
          "box_outside",
          message,
          "Is the box of another image, or of one that was turned or scaled?",
        ),
      ];
    return [
      warningAt(
        place,
        "box_over_edge",
        message,
        "It is cut at the image's edge; nothing to do if that is meant.",
      ),
    ];
  });
}

export function findingsOfMask({ line }: ImageRow, image: ImageSize, mask: ImageSize): Finding[] {
  if (image.width === mask.width && image.height === mask.height) return [];
  return [maskSize({ line, column: 0 }, "expected", image, mask)];
}

function maskSize(place: Place, expected: string, image: ImageSize, mask: ImageSize): Finding {
  const message = `${expected} a mask of the image's ${image.width} x ${image.height}, seen ${mask.width} x ${mask.height}.`;
  return errorAt(place, "mask_size", message, "Draw the mask on the upright image at its own size.");
}
