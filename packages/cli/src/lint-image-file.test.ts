import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { writeCoco } from "@kilotune/dataset";
import { afterAll, beforeAll, expect, it } from "vitest";
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
