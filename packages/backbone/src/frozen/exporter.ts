import type { ImageSize } from "../vision/config.ts";

/** What an exporter of detectors, Ultralytics' above all, says in its file of what is in it. */
export interface ExporterFacts {
  /** As it is written, e.g. "AGPL-3.0 License (https://..)"; the licence binds whoever serves or passes on what is made of it. */
  readonly licence?: string;
  /** E.g. "detect". */
  readonly task?: string;
  /** Classes that it was trained for, in their order. */
  readonly classes?: readonly string[];
  readonly imageSize?: ImageSize;
}

/** @param metadata of the file: see `readOnnxMetadata` */
export function exporterFacts(metadata: ReadonlyMap<string, string>): ExporterFacts {
  const licence = short(metadata.get("license"));
  const task = short(metadata.get("task"));
  const classes = classesOf(metadata.get("names") ?? "");
  const imageSize = sizeOf(metadata.get("imgsz") ?? "");
  return {
    ...(licence && { licence }),
    ...(task && { task }),
    ...(classes.length > 0 && { classes }),
    ...(imageSize && { imageSize }),
  };
}

/** Of one line, for people. */
function short(words: string | undefined): string | undefined {
  return words
    ?.replace(/\p{Cc}+/gu, " ")
    .trim()
    .slice(0, 200);
}

/** A dictionary as Python prints it: {0: 'person', 1: "driver's seat"}. Numbers that leave one out are no list of classes. */
function classesOf(printed: string): string[] {
  const names: string[] = [];
  for (const [, number, single, double] of printed.matchAll(ENTRY)) {
    if (Number(number) !== names.length) return [];
    names.push(((single ?? double) as string).replace(/\\(.)/g, "$1"));
  }
  return names;
}

const ENTRY = /(\d{1,6}): (?:'((?:[^'\\]|\\.){0,500})'|"((?:[^"\\]|\\.){0,500})")/g;

/** [height, width] */
function sizeOf(printed: string): ImageSize | undefined {
  const [, height, width] = /^\[(\d{1,5}), (\d{1,5})\]$/.exec(printed) ?? [];
  return height === undefined || width === undefined ? undefined : [Number(height), Number(width)];
}
