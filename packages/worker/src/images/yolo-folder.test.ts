import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { ImageRow, Reading } from "@kilotune/dataset";
import { encodePng } from "@kilotune/image/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { imagesAt } from "./image-source.ts";
import type { Split } from "./yolo-folder.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(path.join(os.tmpdir(), "kilotune-yolo-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function put(files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(root, name)), { recursive: true });
    await writeFile(path.join(root, name), content);
  }
}

const image = () => encodePng({ width: 20, height: 10, channels: 1, data: new Uint8Array(200) });

async function rowsAt(place: string, split: Split = "train") {
  const source = await imagesAt(path.join(root, place), split);
  await using opened = await source.open("detect");
  const readings: Reading<ImageRow>[] = [];
  for await (const reading of opened.readings) readings.push(reading);
  for (const reading of readings)
    if (reading.kind === "row") expect((await opened.read(reading.row.image)).length).toBeGreaterThan(0);
  const told = readings.map((reading) => {
    if (reading.kind !== "row") return `${reading.issue.code} ${reading.issue.message}`;
    const { image: name, target } = reading.row;
    return target.kind === "objects"
      ? [name, ...target.objects.map(({ label, box }) => `${label} ${box.join(" ")}`)].join(": ")
      : "";
  });
  return { told, classes: opened.classes, name: source.name };
}

describe("a YOLO data set", () => {
  it("gives the rows of a split, from its YAML file or its folder", async () => {
    await put({
      "data.yaml": "path: .\ntrain: images/train\nval: [images/val]\nnames:\n  0: cell\n  1: dust\n",
      "images/train/a.png": await image(),
      "images/train/deep/b.png": await image(),
      "images/train/notes.md": "no image",
      "images/val/c.png": await image(),
      "labels/train/a.txt": "0 .5 .5 .2 .4\n1 0.25 0.5 0.5 1\n",
      "labels/val/c.txt": "",
    });
    for (const place of ["data.yaml", "."]) {
      const { told, classes } = await rowsAt(place);
      // Without a text file there is nothing in the image.
      expect(told).toEqual(["images/train/a.png: cell 8 3 12 7: dust 0 0 10 10", "images/train/deep/b.png"]);
      expect(classes).toEqual(["cell", "dust"]);
    }
    expect(await rowsAt("data.yaml", "val")).toMatchObject({
      told: ["images/val/c.png"],
      name: "data.yaml (val)",
    });
    await expect(rowsAt("data.yaml", "test")).rejects.toMatchObject({ code: "yolo_split" });
  });

  it("may be a folder with classes.txt, or lists of images, or Roboflow's ../", async () => {
    await put({
      "plain/classes.txt": "cell\r\n\r\n",
      "plain/a.png": await image(),
      "plain/a.txt": "0 .5 .5 1 1",
      "listed/data.yaml": "train: train.txt\nnames: [cell]",
      "listed/train.txt": "./images/a.png\n",
      "listed/images/a.png": await image(),
      "listed/labels/a.txt": "0 .5 .5 1 1",
      "robo/data.yaml": "train: ../train/images\nnames: [cell]",
      "robo/train/images/a.png": await image(),
      "robo/train/labels/a.txt": "0 .5 .5 1 1",
    });
    for (const [place, name] of [
      ["plain", "a.png"],
      ["listed/data.yaml", "images/a.png"],
      ["robo/data.yaml", "train/images/a.png"],
    ] as const)
      expect((await rowsAt(place)).told).toEqual([`${name}: cell 0 0 20 10`]);
  });

  it("says which line of which file is wrong, and which image can't be read", async () => {
    await put({
      "data.yaml": "train: images\nnames: [cell]",
      "images/a.png": await image(),
      "images/b.png": "no image",
      "labels/a.txt": "0 .5 .5 1 1\n3 .5 .5 1 1\n",
    });
    const { told } = await rowsAt("data.yaml");
    expect(told[0]).toBe('yolo_class "labels/a.txt" line 2: expected a class in 0 .. 0, seen 3.');
    expect(told[1]).toContain('image_format "images/b.png":');
  });

  it.each([
    ["yolo_path", "train: /etc\nnames: [cell]"],
    ["yolo_path", "train: ../other\nnames: [cell]"],
    ["yolo_path", "path: /etc\ntrain: images\nnames: [cell]"],
    ["yolo_path", "train: none\nnames: [cell]"],
    ["yolo_labels", "train: images\nnames: [cell]"],
    ["yolo_data", "train: images"],
    ["yolo_data", "train: images\nnames: {0: a, 2: b}"],
    ["yolo_data", "train: images\nnames: [a, a]"],
    ["yolo_data", "train: [1]\nnames: [a]"],
    ["yolo_data", "a: &a [x]\nb: [*a, *a]\nnames: [a]"],
    ["yolo_data", "- 1"],
    ["yolo_data", "{"],
  ])("is refused as %s where its YAML says %j", async (code, text) => {
    await put({ "data.yaml": text, "images/a.png": await image() });
    await expect(rowsAt("data.yaml")).rejects.toMatchObject({ code });
  });

  it("is one of boxes", async () => {
    await put({ "data.yaml": "train: images\nnames: [cell]" });
    const source = await imagesAt(path.join(root, "data.yaml"), "train");
    await expect(source.open("segment")).rejects.toMatchObject({ code: "yolo_boxes" });
  });
});
