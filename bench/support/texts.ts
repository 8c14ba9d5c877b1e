import { createReadStream } from "node:fs";
import { type Example, guessFormat, loadExamples } from "@kilotune/dataset";

export async function readRows(file: string): Promise<Example[]> {
  return (await loadExamples(createReadStream(file), { format: guessFormat(file) })).rows;
}
