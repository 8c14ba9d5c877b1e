import { KilotuneError } from "@kilotune/contract";
import { parse } from "yaml";
import { kindOf } from "../check-row.ts";
import { excerpt } from "../excerpt.ts";
import type { Finding, Reading } from "../reading.ts";
import type { ImageRow } from "./image-rows.ts";
import { type ImageSize, readYolo } from "./yolo.ts";

/** What the YAML file of a YOLO data set says. */
export interface YoloData {
  /** Names by their number. */
  readonly classes: readonly string[];
  /** Folders of images, or lists of them (`.txt`), as written; relative to `path`. */
  readonly splits: Readonly<Partial<Record<"train" | "val" | "test", readonly string[]>>>;
  /** Where the splits start, where that isn't the YAML file's own folder. */
  readonly path: string | undefined;
}

/** @throws KilotuneError `yolo_data` */
export function readYoloData(text: string): YoloData {
  let file: unknown;
  try {
    // No aliases: a few lines of them would unfold to gigabytes.
    file = parse(text, { schema: "core", maxAliasCount: 0, logLevel: "silent" });
  } catch (cause) {
    throw badData(`YAML, seen ${excerpt(text.slice(0, 200).trim())}`, cause);
  }
  if (file === null || typeof file !== "object" || Array.isArray(file))
    throw badData(`"names" and "train", seen ${kindOf(file)}`);
  const { names, path, ...rest } = file as Record<string, unknown>;
  if (path !== undefined && typeof path !== "string") throw badData(`"path" as text, seen ${kindOf(path)}`);
  const splits: Record<string, readonly string[]> = {};
  for (const split of ["train", "val", "test"]) {
    const written = rest[split] ?? undefined;
    if (written === undefined) continue;
    const places = Array.isArray(written) ? written : [written];
    if (!places.every((place) => typeof place === "string" && place !== ""))
      throw badData(`"${split}" as a folder or a list of them, seen ${kindOf(written)}`);
    splits[split] = places;
  }
  return { classes: classesOf(names), splits, path: path === "" ? undefined : path };
}

/** A list, or a map from 0, 1, 2 .. */
function classesOf(names: unknown): string[] {
  const listed = Array.isArray(names)
    ? names
    : names !== null && typeof names === "object"
      ? Array.from(
          Object.keys(names),
          (_, at) => Object.getOwnPropertyDescriptor(names, String(at))?.value as unknown,
        )
      : undefined;
  const seen = names === undefined ? "none" : kindOf(names);
  if (listed === undefined || listed.length === 0 || !listed.every(isName))
    throw badData(`"names" as a list, or a map from 0 on, of the classes' names, seen ${seen}`);
  const classes = listed.map(String);
  if (new Set(classes).size < classes.length) throw badData('every name of "names" once, seen one twice');
  return classes;
}

function isName(name: unknown): boolean {
  // Numbers are names too: `names: [0, 1]`.
  return (typeof name === "string" && name.trim() !== "" && name.length <= 200) || typeof name === "number";
}

function badData(expected: string, cause?: unknown): KilotuneError {
  return new KilotuneError(
    "yolo_data",
    `expected ${expected}.`,
    "Write names: [cell, debris] and train: images/train, as Ultralytics' data.yaml has them.",
    { cause },
  );
}

/**
 * An image with its text file.
 *
 * @param line the image's number
 * @param labels the text file's path, for messages, and its text; undefined where there is none: nothing is in the image
 */
export function yoloRow(
  image: string,
  line: number,
  labels: { readonly path: string; readonly text: string } | undefined,
  classes: readonly string[],
  size: ImageSize,
): Reading<ImageRow>[] {
  const { objects, findings } =
    labels === undefined ? { objects: [], findings: [] } : readYolo(labels.text, classes, size);
  if (findings.length > 0 && labels !== undefined)
    return findings.map((finding) => inFile(finding, line, labels.path));
  return [{ kind: "row", row: { image, patient: null, target: { kind: "objects", objects }, line } }];
}

function inFile({ kind, issue }: Finding, line: number, path: string): Finding {
  const message = `${excerpt(path)} line ${issue.line}: ${issue.message}`;
  return { kind, issue: { ...issue, line, column: 0, message } };
}
