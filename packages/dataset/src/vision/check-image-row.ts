import { isCodedError, isDataUrl } from "@kilotune/contract";
import { parseRle } from "@kilotune/image/masks";
import {
  type Field,
  findingsOfLabel,
  findingsOfLabels,
  hasControl,
  kindOf,
  type RowShape,
} from "../check-row.ts";
import { excerpt } from "../excerpt.ts";
import { errorAt, type Finding, type Place, type Reading } from "../reading.ts";
import type { ImageObject, ImageRow, Segment, Target, VisionTask } from "./image-rows.ts";

/** What a row of each task holds. */
export const IMAGE_ROWS: Readonly<Record<VisionTask, RowShape<ImageRow>>> = {
  classify: shape(["label", "labels"], '{"image": "a.png", "label": ".."}', labelsOf),
  segment: shape(["mask", "segments"], '{"image": "a.png", "mask": "a-mask.png"}', maskOf),
  detect: shape(
    ["objects"],
    '{"image": "a.png", "objects": [{"label": "..", "box": [0, 0, 9, 9]}]}',
    objectsOf,
  ),
};

/** More objects in one image than any detector here answers. */
const MAX_OBJECTS = 10_000;
const MAX_PATH_LENGTH = 1000;
/** Past any image, so that sums of coordinates stay exact. */
const MAX_COORDINATE = 2 ** 24;

/** A target, or why there is none. */
type Checked = Target | readonly Finding[];
type Fields = (key: string) => Field;

function shape(
  keys: readonly string[],
  example: string,
  check: (field: Fields, place: Place) => Checked,
): RowShape<ImageRow> {
  return {
    keys: ["image", ...keys, "patient"],
    example,
    check(line, field): Reading<ImageRow>[] {
      const target = check(field, { line, column: 0 });
      const patient = field("patient");
      const findings = [
        ...findingsOfPath(field("image"), "image", example),
        ...findingsOfPatient(patient),
        ...("kind" in target ? [] : target),
      ];
      if (findings.length > 0 || !("kind" in target)) return findings;
      const row = {
        image: field("image").value as string,
        patient: (patient.value as string) ?? null,
        target,
        line,
      };
      return [{ kind: "row", row }];
    },
  };
}

function labelsOf(field: Fields): Checked {
  const [one, several] = [field("label"), field("labels")];
  if (several.value === undefined) {
    const findings = findingsOfLabel(one);
    return findings.length > 0 ? findings : { kind: "labels", labels: [one.value as string], several: false };
  }
  const { value, place } = several;
  if (one.value !== undefined)
    return [
      errorAt(
        place,
        "label_twice",
        'expected "label" or "labels", seen both.',
        "Keep the one that is meant.",
      ),
    ];
  const findings = findingsOfLabels(several);
  if (findings.length > 0) return findings;
  return { kind: "labels", labels: [...new Set(value as string[])], several: true };
}

function maskOf(field: Fields): Checked {
  const [mask, segments] = [field("mask"), field("segments")];
  if (segments.value === undefined) {
    const findings = findingsOfPath(mask, "mask", IMAGE_ROWS.segment.example);
    return findings.length > 0 ? findings : { kind: "mask", file: mask.value as string };
  }
  return each(
    segments,
    "segments",
    '[{"label": "..", "segmentation": [[x, y, x, y, x, y]]}]',
    segmentOf,
    (list) => ({
      kind: "segments",
      segments: list,
    }),
  );
}

function objectsOf(field: Fields): Checked {
  return each(
    field("objects"),
    "objects",
    '[{"label": "..", "box": [xmin, ymin, xmax, ymax]}]',
    objectOf,
    (list) => ({
      kind: "objects",
      objects: list,
    }),
  );
}

/** Every element of a list, or the findings of all of them. An empty list says that there is nothing to find. */
function each<T extends object>(
  { value, place }: Field,
  key: string,
  example: string,
  check: (element: Record<string, unknown>, place: Place) => T | readonly Finding[],
  target: (list: T[]) => Target,
): Checked {
  const hint = `Write "${key}": ${example}, or [] where there is nothing.`;
  if (!Array.isArray(value)) {
    const seen = value === undefined ? "none" : kindOf(value);
    return [errorAt(place, `${key}_missing`, `expected "${key}" to be an array, seen ${seen}.`, hint)];
  }
  if (value.length > MAX_OBJECTS)
    return [
      errorAt(
        place,
        `${key}_too_many`,
        `expected at most ${MAX_OBJECTS} ${key}, seen ${value.length}.`,
        "Split the image.",
      ),
    ];
  const [list, findings]: [T[], Finding[]] = [[], []];
  value.forEach((element: unknown, i) => {
    if (element === null || typeof element !== "object" || Array.isArray(element)) {
      findings.push(
        errorAt(
          place,
          `${key}_missing`,
          `expected an object as number ${i + 1} of "${key}", seen ${kindOf(element)}.`,
          hint,
        ),
      );
      return;
    }
    const checked = check(element as Record<string, unknown>, place);
    if (!Array.isArray(checked)) list.push(checked as T);
    else for (const finding of checked as Finding[]) findings.push(numbered(finding, i, key));
  });
  return findings.length > 0 ? findings : target(list);
}

function numbered({ kind, issue }: Finding, i: number, key: string): Finding {
  return { kind, issue: { ...issue, message: `${key.replace(/s$/, "")} ${i + 1}: ${issue.message}` } };
}

function objectOf(element: Record<string, unknown>, place: Place): ImageObject | readonly Finding[] {
  const findings = [
    ...findingsOfLabel({ value: own(element, "label"), place }),
    ...findingsOfBox(own(element, "box"), place),
  ];
  return findings.length > 0
    ? findings
    : { label: element.label as string, box: element.box as ImageObject["box"] };
}

/** Shape and area alone: whether it lies in the image, only the image tells. */
export function findingsOfBox(value: unknown, place: Place): Finding[] {
  if (!Array.isArray(value) || value.length !== 4 || !value.every(isCoordinate)) {
    const seen = Array.isArray(value)
      ? `[${value
          .slice(0, 4)
          .map((x) => (typeof x === "number" ? x : kindOf(x)))
          .join(", ")}]`
      : kindOf(value);
    return [
      errorAt(
        place,
        "box_format",
        `expected "box" to be [xmin, ymin, xmax, ymax] in pixels, seen ${value === undefined ? "none" : seen}.`,
        "Write four numbers; [x, y, width, height] and shares of the image must be converted first.",
      ),
    ];
  }
  const [xmin, ymin, xmax, ymax] = value as [number, number, number, number];
  if (xmax > xmin && ymax > ymin) return [];
  return [
    errorAt(
      place,
      "box_zero_area",
      `expected xmax above xmin and ymax above ymin, seen [${value.join(", ")}].`,
      "Delete the box, or write its corners in this order; is it [x, y, width, height]?",
    ),
  ];
}

function segmentOf(element: Record<string, unknown>, place: Place): Segment | readonly Finding[] {
  const segmentation = own(element, "segmentation");
  const findings = [
    ...findingsOfLabel({ value: own(element, "label"), place }),
    ...findingsOfSegmentation(segmentation, place),
  ];
  if (findings.length > 0) return findings;
  return { label: element.label as string, segmentation: segmentation as Segment["segmentation"] };
}

export function findingsOfSegmentation(value: unknown, place: Place): Finding[] {
  if (Array.isArray(value)) {
    const sound = (polygon: unknown) =>
      Array.isArray(polygon) &&
      polygon.length >= 6 &&
      polygon.length % 2 === 0 &&
      polygon.every(isCoordinate);
    if (value.length > 0 && value.every(sound)) return [];
    return [
      errorAt(
        place,
        "segmentation_format",
        "expected polygons of three corners and more, each [x, y, x, y, ..] in pixels, seen something else.",
        "Write the object's polygons as COCO does, or its runs as {size, counts}.",
      ),
    ];
  }
  try {
    parseRle(value);
    return [];
  } catch (error) {
    if (!isCodedError(error)) throw error;
    return [errorAt(place, "segmentation_format", error.message, error.hint)];
  }
}

/** An image itself, or a path that stays in the folder of the rows' file: rows come from outside, and must not name any other file. */
function findingsOfPath({ value, place }: Field, key: string, example: string): Finding[] {
  if (value === undefined || value === "" || typeof value !== "string") {
    const seen = value === undefined ? "none" : value === "" ? "an empty one" : kindOf(value);
    return [
      errorAt(place, `${key}_missing`, `expected a path in "${key}", seen ${seen}.`, `Write ${example}.`),
    ];
  }
  if (/^data:/i.test(value)) return findingsOfDataUrl({ value, place }, key);
  if (/^https?:/i.test(value))
    return [
      errorAt(
        place,
        `${key}_address`,
        `expected a file beside the rows in "${key}", seen an address: nothing is fetched.`,
        "Put the images beside the file, or into it as data: URLs.",
      ),
    ];
  const parts = value.split(/[\\/]/);
  if (
    value.length <= MAX_PATH_LENGTH &&
    !hasControl(value) &&
    !/^(?:[\\/]|[a-z][a-z0-9+.-]*:)/i.test(value) &&
    !parts.includes("..")
  )
    return [];
  return [
    errorAt(
      place,
      `${key}_path`,
      `expected a path from the rows' own folder on, seen ${excerpt(value)}.`,
      "Write paths without a drive, an address or .., from the file's own folder on, or from the one that `--image-folder` of tune, lint and evaluate names.",
    ),
  ];
}

function findingsOfDataUrl({ value, place }: Field, key: string): Finding[] {
  if (isDataUrl(value as string)) return [];
  const hint = 'Write "data:image/png;base64,..", without line ends in the base64.';
  return [
    errorAt(place, `${key}_data_url`, `expected a whole data: URL in "${key}", seen a broken one.`, hint),
  ];
}

function findingsOfPatient({ value, place }: Field): Finding[] {
  if (value === undefined || (typeof value === "string" && value !== "" && value.length <= 200)) return [];
  const hint = "Write a pseudonym in quotes, or leave the key out.";
  return [
    errorAt(place, "patient_format", `expected "patient" to be a short string, seen ${kindOf(value)}.`, hint),
  ];
}

function isCoordinate(value: unknown): boolean {
  return typeof value === "number" && Math.abs(value) <= MAX_COORDINATE;
}

/** Never what a prototype holds. */
function own(element: Record<string, unknown>, key: string): unknown {
  return Object.getOwnPropertyDescriptor(element, key)?.value;
}
