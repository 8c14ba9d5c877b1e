import { parseRle, polygonsToRle, rleArea, rleBox } from "@kilotune/image/masks";
import { kindOf } from "../check-row.ts";
import { excerpt } from "../excerpt.ts";
import { errorAt, type Finding, type Reading, WHOLE_FILE } from "../reading.ts";
import { IMAGE_ROWS } from "./check-image-row.ts";
import type { ImageRow, Segment } from "./image-rows.ts";
import type { ImageSize } from "./yolo.ts";

export interface CocoRows {
  /** A row for each image of the file, in its order, those without an object too. */
  readonly readings: Reading<ImageRow>[];
  /** The categories' names, in the order of their ids: also those that no object has. */
  readonly classes: string[];
  /** By `image`: the sizes that the file claims. */
  readonly sizes: ReadonlyMap<string, ImageSize>;
}

/**
 * A COCO file of annotations (one JSON document): boxes `[x, y, width, height]` for `detect`, polygons or runs for `segment`.
 * Crowds are left out: no detector is tuned on them.
 */
export function readCoco(text: string, task: "detect" | "segment"): CocoRows {
  const file = parse(text);
  if ("kind" in file) return { readings: [file], classes: [], sizes: new Map() };
  const readings: Reading<ImageRow>[] = [];
  const fault = (code: string, where: string, expected: string) =>
    void readings.push(
      errorAt(WHOLE_FILE, code, `${where}: expected ${expected}.`, "Export the annotations again."),
    );

  const names = new Map<unknown, string>();
  file.categories.forEach((category, i) => {
    if (typeof category.name === "string" && isId(category.id)) names.set(category.id, category.name);
    else fault("coco_category", `categories[${i}]`, "an id and a name");
  });
  const images = new Map<unknown, Record<string, unknown>[]>();
  for (const { id } of file.images) images.set(id, []);
  file.annotations.forEach((annotation, i) => {
    const of = images.get(annotation.image_id);
    if (of === undefined) fault("coco_image", `annotations[${i}]`, "an image_id among the images");
    else if (!names.has(annotation.category_id))
      fault("coco_category", `annotations[${i}]`, "a category_id among the categories");
    else if (annotation.iscrowd !== 1) of.push(annotation);
  });
  const sizes = new Map<string, ImageSize>();
  file.images.forEach((image, i) => {
    const { width, height, file_name: name } = image;
    if (typeof name === "string" && typeof width === "number" && typeof height === "number")
      sizes.set(name, { width, height });
    const own = (images.get(image.id) ?? []).map((annotation) => elementOf(annotation, names, task));
    const fields: Record<string, unknown> = {
      image: name,
      [task === "detect" ? "objects" : "segments"]: own,
    };
    const place = { line: i + 1, column: 0 };
    readings.push(...IMAGE_ROWS[task].check(i + 1, (key) => ({ value: fields[key], place })));
  });
  const classes = [...names].sort(([a], [b]) => (a as number) - (b as number)).map(([, name]) => name);
  return { readings, classes, sizes };
}

function elementOf(
  annotation: Record<string, unknown>,
  names: ReadonlyMap<unknown, string>,
  task: "detect" | "segment",
) {
  const label = names.get(annotation.category_id);
  if (task === "segment") return { label, segmentation: annotation.segmentation };
  const { bbox } = annotation;
  if (!Array.isArray(bbox) || bbox.length !== 4 || bbox.some((x) => typeof x !== "number"))
    return { label, box: bbox };
  const [x, y, width, height] = bbox as [number, number, number, number];
  return { label, box: [x, y, x + width, y + height] };
}

interface CocoFile {
  readonly images: Record<string, unknown>[];
  readonly annotations: Record<string, unknown>[];
  readonly categories: Record<string, unknown>[];
}

function parse(text: string): CocoFile | Finding {
  const hint = "Give the annotations' JSON file, e.g. instances_train.json.";
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch {
    return errorAt(
      WHOLE_FILE,
      "bad_json",
      `expected one JSON document, seen ${excerpt(text.slice(0, 200).trim())}.`,
      hint,
    );
  }
  const lists = ["images", "annotations", "categories"].map((key) => {
    const list =
      file !== null && typeof file === "object" ? (file as Record<string, unknown>)[key] : undefined;
    const sound = Array.isArray(list) && list.every((item) => item !== null && typeof item === "object");
    return sound ? (list as Record<string, unknown>[]) : undefined;
  });
  const [images, annotations, categories] = lists;
  if (images !== undefined && annotations !== undefined && categories !== undefined)
    return { images, annotations, categories };
  const message = `expected "images", "annotations" and "categories" as arrays of objects, seen ${kindOf(file)} without.`;
  return errorAt(WHOLE_FILE, "not_coco", message, hint);
}

function isId(value: unknown): boolean {
  return Number.isSafeInteger(value);
}

/**
 * Rows of objects or segments as COCO's JSON, ids from 1 on, categories in the order of `classes`.
 *
 * @param sizes by `image`
 * @throws RangeError where a label or a size is missing
 */
export function writeCoco(
  rows: readonly ImageRow[],
  classes: readonly string[],
  sizes: ReadonlyMap<string, ImageSize>,
): string {
  const annotations: object[] = [];
  const images = rows.map(({ image, target }, i) => {
    const size = sizes.get(image);
    if (size === undefined) throw new RangeError(`the size of ${excerpt(image)} is not given`);
    const add = (label: string, fields: object) => {
      const category = classes.indexOf(label) + 1;
      if (category === 0) throw new RangeError(`the label ${excerpt(label)} has no category`);
      annotations.push({
        id: annotations.length + 1,
        image_id: i + 1,
        category_id: category,
        iscrowd: 0,
        ...fields,
      });
    };
    if (target.kind === "objects") {
      for (const { label, box, score } of target.objects) {
        const [width, height] = [box[2] - box[0], box[3] - box[1]];
        const told = score === undefined ? {} : { score };
        add(label, { bbox: [box[0], box[1], width, height], area: width * height, ...told });
      }
    } else if (target.kind === "segments") {
      for (const { label, segmentation } of target.segments) {
        const rle = toRle(segmentation, size);
        add(label, { segmentation, bbox: rleBox(rle), area: rleArea(rle) });
      }
    }
    return { id: i + 1, file_name: image, ...size };
  });
  const categories = classes.map((name, i) => ({ id: i + 1, name }));
  return JSON.stringify({ images, annotations, categories });
}

/** The pixels of a segment in an image of that size. */
export function toRle(segmentation: Segment["segmentation"], { width, height }: ImageSize) {
  return "counts" in segmentation ? parseRle(segmentation) : polygonsToRle(segmentation, width, height);
}
