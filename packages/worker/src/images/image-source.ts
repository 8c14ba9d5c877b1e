import { open, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { isDataUrl, KilotuneError } from "@kilotune/contract";
import {
  type Chunks,
  type ImageRow,
  openImageZip,
  type Reading,
  readCoco,
  readImageRows,
  readRowFile,
  type VisionTask,
} from "@kilotune/dataset";
import { DEFAULT_LIMITS } from "@kilotune/image";
import { fileSource } from "../file-source.ts";
import { openYolo, type Split } from "./yolo-folder.ts";

/** Rows about images, and the files that they name. */
export interface ImageRows {
  /** For people: the file's name. */
  readonly name: string;
  /** May be called more than once. */
  open(task: VisionTask): Promise<OpenImageRows>;
}

export interface OpenImageRows extends AsyncDisposable {
  /** From the start, once. */
  readonly readings: Iterable<Reading<ImageRow>> | AsyncIterable<Reading<ImageRow>>;
  /** All classes, where the file declares them. */
  readonly classes?: readonly string[];
  /** An image or a mask, by what the row says. @throws KilotuneError `image_not_found` and the like */
  read(row: string): Promise<Uint8Array>;
}

/**
 * A file of rows on disk, with the images beside it or in the rows themselves: JSONL; COCO's JSON where its name ends in
 * `.json`; or a zip of rows and images.
 *
 * @param name where it isn't the file's own
 * @param folder where paths start; the file's own where left out
 */
export function imageRowsOf(
  file: string,
  name = path.basename(file),
  folder = path.dirname(file),
): ImageRows {
  return {
    name,
    async open(task) {
      if (/\.zip$/i.test(name)) return openZipped(file, task);
      if (!/\.json$/i.test(name)) return imageLines(name, folder, fileSource(file).open).open(task);
      if (task === "classify") throw noLabels(name);
      const { readings, classes } = readCoco(await readWhole(file), task);
      return { readings, classes, ...filesBeside(folder) };
    },
  };
}

/**
 * What a person names on their own machine: as `imageRowsOf`, or a YOLO data set of boxes, by its YAML file or its folder.
 *
 * @param split which of the data set's, where it has several
 * @param folder where paths of rows start, as COCO's data sets keep annotations apart from images
 */
export async function imagesAt(place: string, split: Split, folder?: string): Promise<ImageRows> {
  const isFolder = await stat(place).then((found) => found.isDirectory());
  const isYolo = isFolder || /\.ya?ml$/i.test(place);
  if (folder !== undefined && (isYolo || /\.zip$/i.test(place))) throw ownImages(place);
  if (!isYolo) return imageRowsOf(place, undefined, folder);
  const name = path.basename(path.resolve(place));
  return {
    name: split === "train" ? name : `${name} (${split})`,
    async open(task) {
      if (task !== "detect") throw onlyBoxes(name);
      return openYolo(place, split);
    },
  };
}

function ownImages(place: string): KilotuneError {
  return new KilotuneError(
    "own_images",
    `expected rows whose images lie in another folder, seen a data set that has its own: ${path.basename(place)}.`,
    "Leave the folder of images out.",
    { kind: "usage" },
  );
}

function onlyBoxes(name: string): KilotuneError {
  return new KilotuneError(
    "yolo_boxes",
    `expected rows, seen a YOLO data set: ${name}.`,
    'Its text files are read as boxes: tune with the task "detect", or write JSONL.',
    { kind: "usage" },
  );
}

/** Rows as JSONL, and images beside them in a folder. */
export function imageLines(name: string, folder: string, open: () => Chunks): ImageRows {
  return {
    name,
    open: async (task) => ({ readings: readImageRows(open(), task), ...filesBeside(folder) }),
  };
}

function filesBeside(folder: string): Pick<OpenImageRows, "read" | typeof Symbol.asyncDispose> {
  return {
    read: async (row) => (isDataUrl(row) ? readRowFile(row) : readBeside(folder, row)),
    [Symbol.asyncDispose]: async () => {},
  };
}

async function openZipped(file: string, task: VisionTask): Promise<OpenImageRows> {
  await using opened = new AsyncDisposableStack();
  const handle = opened.use(await open(file));
  const zip = await openImageZip(handle, (await handle.stat()).size, DEFAULT_LIMITS.maxBytes);
  const kept = opened.move();
  return {
    readings: readImageRows(zip.rows(), task),
    read: (row) => readRowFile(row, zip),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** A row's path stays in the folder: the row reader sees to that. */
async function readBeside(folder: string, row: string): Promise<Uint8Array> {
  return readFile(path.join(folder, row)).catch((cause: NodeJS.ErrnoException) => {
    if (!["ENOENT", "EISDIR", "ENOTDIR"].includes(cause.code ?? "")) throw cause;
    throw new KilotuneError(
      "image_not_found",
      "expected a file, but there is none.",
      "Paths start at the folder of the rows' file, or at the one given as --image-folder.",
      { cause },
    );
  });
}

async function readWhole(file: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of fileSource(file).open())
    text += decoder.decode(chunk as Uint8Array, { stream: true });
  return text + decoder.decode();
}

function noLabels(name: string): KilotuneError {
  return new KilotuneError(
    "coco_labels",
    `expected rows of an image and its label, seen ${name}.`,
    'COCO\'s files hold boxes and masks: tune with the task "detect" or "segment", or write JSONL.',
    { kind: "usage" },
  );
}
