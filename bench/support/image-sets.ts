import { readFile } from "node:fs/promises";
import path from "node:path";
import { type ImageRow, readImageRows, type VisionTask } from "@kilotune/dataset";
import { sharedFile } from "./places.ts";

/** The public image sets of ../shared, as the product reads them: rows, and the bytes behind a row's path. */
export interface ImageSet {
  readonly train: ImageRow[];
  readonly test: ImageRow[];
  file(name: string): Promise<Uint8Array>;
}

const TASKS = { cifar10: "classify", bccd: "detect", membrane: "segment" } as const satisfies Record<
  string,
  VisionTask
>;

/** @throws Unavailable where the folder isn't there */
export async function imageSet(name: keyof typeof TASKS): Promise<ImageSet> {
  const folder = sharedFile(`data/${name}`);
  const file = (name: string) => readFile(path.join(folder, name));
  const rowsOf = async (part: string) => {
    const rows: ImageRow[] = [];
    for await (const reading of readImageRows([await file(part)], TASKS[name])) {
      if (reading.kind !== "row") throw new Error(`${name}/${part}: ${reading.issue.message}`);
      rows.push(reading.row);
    }
    return rows;
  };
  return { train: await rowsOf("train.jsonl"), test: await rowsOf("test.jsonl"), file };
}
