import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { isCodedError, KilotuneError } from "@kilotune/contract";
import { type ImageRow, type Reading, readYoloData, type YoloData, yoloRow } from "@kilotune/dataset";
import { imageSize } from "@kilotune/image";
import { createSharpCodec } from "@kilotune/image/node";
import type { OpenImageRows } from "./image-source.ts";

export type Split = "train" | "val" | "test";

/**
 * Rows of a YOLO data set: images, and for each a text file of its boxes, in the folder `labels` for one that is called
 * `images`, else beside it. An image without one has nothing in it.
 *
 * @param place the YAML file; or a folder with one in it, or with `classes.txt`, a name a line, where all images are one split
 * @throws KilotuneError `yolo_data`, `yolo_split`, `yolo_path`, `yolo_labels`
 */
export async function openYolo(place: string, split: Split): Promise<OpenImageRows> {
  const { root, data, whole } = await dataAt(place);
  const names = data.splits[split];
  if (names === undefined)
    throw wrong("yolo_split", `"${split}" in ${place}, seen none`, "Add it, or name another file of rows.");
  const base = data.path === undefined ? "." : await within(root, data.path, ".");
  const images: string[] = [];
  for (const name of names)
    images.push(...(await imagesAt(root, whole ? name : await within(root, name, base))));
  images.sort();
  const labelled = await Promise.all(images.map((image) => labelsOf(root, image)));
  if (!labelled.some((labels) => labels !== undefined))
    throw wrong(
      "yolo_labels",
      `text files of boxes for the ${images.length} images of "${split}", seen none`,
      "Put labels/a.txt there for images/a.jpg.",
    );
  const read = (image: string) => readFile(path.join(root, image));
  return {
    readings: readingsOf(images, labelled, data.classes, read),
    classes: data.classes,
    read,
    [Symbol.asyncDispose]: async () => {},
  };
}

async function* readingsOf(
  images: readonly string[],
  labelled: readonly (string | undefined)[],
  classes: readonly string[],
  read: (image: string) => Promise<Uint8Array>,
): AsyncGenerator<Reading<ImageRow>> {
  const codec = createSharpCodec();
  for (const [at, image] of images.entries()) {
    const line = at + 1;
    const file = labelled[at];
    const labels =
      file === undefined ? undefined : { path: file, text: new TextDecoder().decode(await read(file)) };
    try {
      const size = await imageSize(codec, await read(image));
      yield* yoloRow(image, line, labels, classes, size);
    } catch (error) {
      if (!isCodedError(error) || error.kind !== "input") throw error;
      const { code, message, hint } = error;
      yield { kind: "error", issue: { line, column: 0, code, message: `"${image}": ${message}`, hint } };
    }
  }
}

async function dataAt(place: string): Promise<{ root: string; data: YoloData; whole: boolean }> {
  if (!(await stat(place)).isDirectory())
    return { root: path.dirname(place), data: readYoloData(await readText(place)), whole: false };
  const inside = await readdir(place);
  const [yaml, ...others] = inside.filter((name) => /\.ya?ml$/i.test(name));
  if (yaml !== undefined && others.length === 0)
    return { root: place, data: readYoloData(await readText(path.join(place, yaml))), whole: false };
  if (others.length > 0 || !inside.includes("classes.txt"))
    throw wrong(
      "yolo_data",
      `one .yaml, or classes.txt, in ${place}, seen ${others.length > 0 ? "several" : "none"}`,
      "Name the YAML file itself, or write the classes' names into classes.txt, one a line.",
    );
  const classes = (await readText(path.join(place, "classes.txt"))).split(/\r?\n/).map((name) => name.trim());
  while (classes.at(-1) === "") classes.pop();
  const images = inside.includes("images") ? "images" : ".";
  const splits = { train: [images], val: [images], test: [images] };
  return { root: place, data: { classes, splits, path: undefined }, whole: true };
}

const MAX_TEXT_BYTES = 2 ** 20;

async function readText(file: string): Promise<string> {
  const bytes = await readFile(file);
  if (bytes.length > MAX_TEXT_BYTES)
    throw wrong(
      "yolo_data",
      `at most ${MAX_TEXT_BYTES} bytes in ${file}, seen ${bytes.length}`,
      "Is it another file?",
    );
  return new TextDecoder().decode(bytes);
}

/** What the YAML file names, from its own folder on: whoever wrote it may name no other place. */
async function within(root: string, written: string, base: string): Promise<string> {
  const there = path.relative(root, path.resolve(root, base, written));
  const leaves = there.startsWith("..") || path.isAbsolute(there);
  if (!leaves) return there === "" ? "." : there;
  // Exports of Roboflow say ../train/images for the folder beside their YAML file.
  const beside = written.replace(/^(\.\.[\\/])+/, "");
  if (
    beside !== written &&
    !path.isAbsolute(beside) &&
    (await stat(path.join(root, beside)).catch(() => undefined))
  )
    return within(root, beside, ".");
  throw wrong(
    "yolo_path",
    `folders beside the YAML file, seen ${JSON.stringify(written)}`,
    'Put the file where its images are, and leave "path" out.',
  );
}

const IMAGES = /\.(jpe?g|png|webp|gif|tiff?|dcm|dicom)$/i;

/** All images of a folder, or those that a list names; from the root on. */
async function imagesAt(root: string, place: string): Promise<string[]> {
  const kind = await stat(path.join(root, place)).catch(() => undefined);
  if (kind === undefined)
    throw wrong(
      "yolo_path",
      `a folder of images at ${JSON.stringify(place)}, seen none`,
      "Check the YAML file.",
    );
  if (!kind.isDirectory()) {
    const listed = (await readFile(path.join(root, place), "utf8")).split(/\r?\n/).map((line) => line.trim());
    return Promise.all(
      listed.filter((line) => line !== "").map((line) => within(root, line, path.dirname(place))),
    );
  }
  const entries = await readdir(path.join(root, place), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory() && IMAGES.test(entry.name))
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)).split(path.sep).join("/"));
}

async function labelsOf(root: string, image: string): Promise<string | undefined> {
  const beside = image.replace(/\.[^./]+$/, ".txt");
  const parts = beside.split("/");
  const at = parts.lastIndexOf("images");
  const twin = at < 0 ? beside : parts.with(at, "labels").join("/");
  for (const file of new Set([twin, beside]))
    if (await stat(path.join(root, file)).catch(() => undefined)) return file;
  return undefined;
}

function wrong(code: string, expected: string, hint: string): KilotuneError {
  return new KilotuneError(code, `expected ${expected}.`, hint);
}
