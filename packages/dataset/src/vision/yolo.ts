import { count, excerpt } from "../excerpt.ts";
import { errorAt, type Finding } from "../reading.ts";
import { findingsOfBox } from "./check-image-row.ts";
import type { ImageObject } from "./image-rows.ts";

/** Of the upright image, in pixels. */
export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/**
 * The text file that the YOLO family keeps beside an image: a line an object, `class x y width height`, the centre and the
 * size as shares of the image's.
 *
 * @param classes names by their number, as in the data set's YAML
 */
export function readYolo(
  text: string,
  classes: readonly string[],
  { width, height }: ImageSize,
): { readonly objects: ImageObject[]; readonly findings: Finding[] } {
  const [objects, findings]: [ImageObject[], Finding[]] = [[], []];
  text.split(/\r\n?|\n/).forEach((written, i) => {
    const words = written.trim().split(/\s+/);
    if (words[0] === "") return;
    const place = { line: i + 1, column: 1 };
    const numbers = words.map((word) => (NUMBER.test(word) ? Number(word) : Number.NaN));
    const [label, x, y, w, h] = numbers as [number, number, number, number, number];
    if (words.length !== 5 || numbers.some((value) => Number.isNaN(value))) {
      const more =
        words.length > 5 && words.length % 2 === 1 ? " Polygons and key points are other tasks." : "";
      const message = `expected "class x y width height", seen ${excerpt(written.trim())}.`;
      findings.push(errorAt(place, "yolo_line", message, `Write five numbers a line.${more}`));
      return;
    }
    const name = classes[label];
    if (name === undefined) {
      const message = `expected a class in 0 .. ${classes.length - 1}, seen ${words[0]}.`;
      findings.push(
        errorAt(
          place,
          "yolo_class",
          message,
          `${count(classes.length, "name")} are given: add the missing ones.`,
        ),
      );
      return;
    }
    if ([x, y, w, h].some((share) => share < 0 || share > 1)) {
      const message = `expected shares of the image in 0 .. 1, seen ${excerpt(written.trim())}.`;
      findings.push(errorAt(place, "yolo_share", message, "Divide pixels by the image's width and height."));
      return;
    }
    const box = [
      (x - w / 2) * width,
      (y - h / 2) * height,
      (x + w / 2) * width,
      (y + h / 2) * height,
    ] as const;
    const faults = findingsOfBox(box, place);
    if (faults.length > 0) findings.push(...faults);
    else objects.push({ label: name, box });
  });
  return { objects, findings };
}

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

/** @throws RangeError where an object's label is none of `classes` */
export function writeYolo(
  objects: readonly ImageObject[],
  classes: readonly string[],
  { width, height }: ImageSize,
): string {
  return objects
    .map(({ label, box: [xmin, ymin, xmax, ymax] }) => {
      const at = classes.indexOf(label);
      if (at < 0) throw new RangeError(`the label ${excerpt(label)} has no number`);
      const centre = [(xmin + xmax) / 2 / width, (ymin + ymax) / 2 / height];
      return `${[at, ...centre, (xmax - xmin) / width, (ymax - ymin) / height].join(" ")}\n`;
    })
    .join("");
}
