import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { writeCoco } from "@kilotune/dataset";
import { encodeMask, encodePng } from "@kilotune/image/node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { lintImageFile } from "./lint-image-file.ts";
import type { Terminal } from "./terminal/terminal.ts";

/** No file here is "-", so nothing of the terminal is asked for. */
const terminal = {} as Terminal;
const golden = (name: string) => new URL(`../../image/src/goldens/${name}`, import.meta.url);
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-lint-"));
  for (const name of ["cmyk.jpg", "mask-palette.png", "mask-grey.png"])
    await copyFile(golden(name), path.join(folder, name));
  await writeFile(path.join(folder, "cut.png"), "\x89PNG\r\n\x1a\n", "latin1");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it("opens what rows name, from their file's folder on", async () => {
  const rows = [
    { image: "mask-grey.png", mask: "mask-palette.png" },
    { image: "cmyk.jpg", mask: "mask-grey.png" },
    { image: "cut.png", mask: "cmyk.jpg" },
    { image: "none.png", mask: "mask-grey.png" },
  ];
  const file = path.join(folder, "rows.jsonl");
  await writeFile(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  const { report } = await lintImageFile(file, "segment", terminal);
  expect(report.errors.map(({ line, code }) => `${line} ${code}`)).toEqual([
    "2 mask_size",
    "3 image_unreadable",
    "3 mask_format",
    "4 image_not_found",
  ]);
  expect([...report.labels]).toEqual(["0", "1", "2", "3"].map((label) => [label, 3]));
});

it("takes COCO's JSON and names categories that no box has", async () => {
  const objects = [{ label: "ink", box: [0, 0, 8, 32] }] as const;
  const row = { image: "cmyk.jpg", patient: null, line: 1, target: { kind: "objects", objects } } as const;
  const file = path.join(folder, "instances.json");
  await writeFile(
    file,
    writeCoco([row], ["ink", "paper"], new Map([["cmyk.jpg", { width: 32, height: 32 }]])),
  );
  const { report } = await lintImageFile(file, "detect", terminal);
  expect(report.errors).toEqual([]);
  expect(report.warnings.map(({ code }) => code)).toEqual(["class_never_seen", "image_alpha"]);
});

/** Everything that `lint --images` is there to name, on files: what only the files' bytes and pixels tell. */
describe("names", () => {
  const picture = (width: number, height: number, channels: 1 | 3, seed = 0) =>
    encodePng({
      width,
      height,
      channels,
      data: Uint8Array.from({ length: width * height * channels }, (_, at) => {
        const [x, y] = [Math.floor(at / channels) % width, Math.floor(at / channels / width)];
        // A slow pattern, so that a smaller copy looks the same.
        return 128 + 100 * Math.sin((6 * x) / width + seed) * Math.cos((5 * y) / height + 2 * seed);
      }),
    });
  const codesOf = async (
    task: "classify" | "segment" | "detect",
    rows: readonly object[],
    validation?: readonly object[],
  ) => {
    const files = [];
    for (const [at, each] of [rows, validation].entries()) {
      if (each === undefined) continue;
      const file = path.join(folder, `names-${at}.jsonl`);
      await writeFile(file, each.map((row) => `${JSON.stringify(row)}\n`).join(""));
      files.push(file);
    }
    const [first, second] = files as [string, string?];
    const train = await lintImageFile(first, task, terminal);
    const { report } = second
      ? await lintImageFile(second, task, terminal, { against: train.linter, split: "val" })
      : train;
    return [...report.errors, ...report.warnings].map(({ line, code }) => `${line} ${code}`);
  };
  beforeAll(async () => {
    for (const [name, bytes] of Object.entries({
      "a.png": await picture(96, 64, 3),
      "copy.png": await picture(96, 64, 3),
      "smaller.png": await picture(60, 40, 3),
      "b.png": await picture(96, 64, 3, 2),
      "c.png": await picture(96, 64, 3, 4),
      "grey.png": await picture(80, 80, 1, 1),
      "tiny.png": await picture(9, 40, 3, 3),
      // 20.8 million pixels of one colour.
      "huge.png": await encodePng({
        width: 5200,
        height: 4000,
        channels: 1,
        data: new Uint8Array(20_800_000),
      }),
      "mask.png": await encodeMask({ width: 96, height: 64, data: new Uint8Array(96 * 64).fill(1, 0, 99) }),
      "other-mask.png": await encodeMask({ width: 64, height: 96, data: new Uint8Array(96 * 64) }),
    }))
      await writeFile(path.join(folder, name), bytes);
  });

  it("an unreadable, a copied, a near, a grey, a tiny and a huge image", async () => {
    const images = ["a", "copy", "smaller", "b", "c", "grey", "tiny", "huge", "cut", "none"];
    const codes = await codesOf(
      "classify",
      images.map((name, at) => ({ image: `${name}.png`, label: at % 2 ? "x" : "y" })),
    );
    expect(codes).toEqual(
      expect.arrayContaining([
        "9 image_unreadable",
        "10 image_not_found",
        "2 duplicate_images",
        "3 near_duplicate_images",
        "6 image_channels",
        "7 image_tiny",
        "8 image_huge",
      ]),
    );
  });

  it("an image and a patient that the training file has too", async () => {
    const codes = await codesOf(
      "classify",
      [
        { image: "a.png", label: "x", patient: "p1" },
        { image: "b.png", label: "y", patient: "p2" },
      ],
      [
        { image: "copy.png", label: "x", patient: "p3" },
        { image: "c.png", label: "y", patient: "p2" },
        { image: "smaller.png", label: "x" },
      ],
    );
    expect(codes).toEqual(expect.arrayContaining(["1 leak", "2 patient_leak", "3 near_leak"]));
  });

  it("a box outside, one over the edge, one of no area; a mask of another size", async () => {
    const boxed = (...box: number[]) => ({ image: "a.png", objects: [{ label: "x", box }] });
    expect(await codesOf("detect", [boxed(200, 0, 210, 9), boxed(90, 0, 99, 9), boxed(5, 5, 5, 9)])).toEqual(
      expect.arrayContaining(["1 box_outside", "2 box_over_edge", "3 box_zero_area"]),
    );
    const masks = ["mask.png", "other-mask.png"].map((mask) => ({ image: "a.png", mask }));
    expect(await codesOf("segment", masks)).toContain("2 mask_size");
  });

  it("a class that a YOLO data set declares and no box has", async () => {
    const root = path.join(folder, "yolo");
    await mkdir(path.join(root, "images"), { recursive: true });
    await copyFile(path.join(folder, "a.png"), path.join(root, "images/a.png"));
    await writeFile(path.join(root, "images/a.txt"), "0 .5 .5 .5 .5\n");
    await writeFile(path.join(root, "data.yaml"), "train: images\nnames: [cell, dust]\n");
    const { report } = await lintImageFile(root, "detect", terminal);
    expect(report.rows).toBe(1);
    expect(report.warnings.map(({ code }) => code)).toContain("class_never_seen");
  });
});
