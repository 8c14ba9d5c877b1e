import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { encodeMask } from "@kilotune/image/node";
import type { DrawnRows } from "./draw-discs.ts";

type Box = readonly [xmin: number, ymin: number, xmax: number, ymax: number];
interface Row {
  readonly image: string;
  readonly objects: readonly { readonly label: string; readonly box: Box }[];
}

const [WIDTH, HEIGHT] = [640, 480];

/**
 * Rows of three tasks about photographs of blood smears, of which only boxes are known: the boxes; masks of the cells, drawn as
 * ellipses in their boxes; whether there are platelets.
 *
 * @param data a folder with `train.jsonl`, `{"image", "objects"}`, and images of 640 x 480 pixels beside it
 */
export async function bloodCells(data: string, folder: string, count: number): Promise<DrawnRows> {
  const lines = (await readFile(path.join(data, "train.jsonl"), "utf8")).trim().split("\n");
  await mkdir(path.join(folder, "images"), { recursive: true });
  const rows: Record<keyof DrawnRows["files"], object[]> = {
    detection: [],
    segmentation: [],
    classification: [],
  };
  for (const [at, line] of lines.slice(0, count + 1).entries()) {
    const { image: from, objects } = JSON.parse(line) as Row;
    const [image, mask] = [`images/${at}.jpg`, `images/${at}-mask.png`];
    await copyFile(path.join(data, from), path.join(folder, image));
    // The one more image, that no row is of.
    if (at === count) break;
    const pixels = ellipses(objects.filter(({ label }) => label !== "Platelets").map(({ box }) => box));
    await writeFile(
      path.join(folder, mask),
      await encodeMask({ width: WIDTH, height: HEIGHT, data: pixels }),
    );
    rows.detection.push({ image, objects });
    rows.segmentation.push({ image, mask });
    const platelets = objects.some(({ label }) => label === "Platelets");
    rows.classification.push({ image, label: platelets ? "platelets" : "no platelets" });
  }
  const files: Record<string, string> = {};
  for (const [task, own] of Object.entries(rows)) {
    files[task] = path.join(folder, `${task}.jsonl`);
    await writeFile(files[task], own.map((row) => `${JSON.stringify(row)}\n`).join(""));
  }
  return { files: files as DrawnRows["files"], image: path.join(folder, `images/${count}.jpg`) };
}

/** 1 inside any of them. */
function ellipses(boxes: readonly Box[]): Uint8Array {
  const mask = new Uint8Array(WIDTH * HEIGHT);
  for (const [xmin, ymin, xmax, ymax] of boxes) {
    const [x, y, a, b] = [(xmin + xmax) / 2, (ymin + ymax) / 2, (xmax - xmin) / 2, (ymax - ymin) / 2];
    for (let py = Math.max(0, Math.floor(ymin)); py < Math.min(HEIGHT, ymax); py++)
      for (let px = Math.max(0, Math.floor(xmin)); px < Math.min(WIDTH, xmax); px++)
        if (((px + 0.5 - x) / a) ** 2 + ((py + 0.5 - y) / b) ** 2 <= 1) mask[py * WIDTH + px] = 1;
  }
  return mask;
}
