import path from "node:path";
import { isCodedError } from "@kilotune/contract";
import { readText } from "./recognise.ts";
import { printable, refuse } from "./refuse.ts";

/** The names of a head's rows where the folder tells them: a checkpoint's config.json does, and what our export writes. */
export async function labelsIn(folder: string | undefined, classes: number): Promise<string[] | undefined> {
  for (const name of folder === undefined ? [] : [LABELS_FILE, "config.json"]) {
    const text = await readText(path.join(folder!, name)).catch((error: unknown) => {
      if (isCodedError(error) && error.code === "file_not_found") return "null";
      throw error;
    });
    const labels = parseLabels(text);
    if (labels?.length === classes) return labels;
  }
  return undefined;
}

/** Of a file that the user named. @throws KilotuneError `bad_foreign_prompt`, `file_not_found` */
export async function labelsOf(file: string): Promise<string[]> {
  const labels = parseLabels(await readText(file));
  if (labels !== undefined) return labels;
  throw refuse(
    "bad_foreign_prompt",
    `${printable(file, 500)}: a JSON list of names, or an object with "id2label" as transformers writes it`,
    "something else",
    "Give the base model's config.json, or a list in the order of the head's rows.",
  );
}

/** `{"0": "refund", ..}`, as transformers takes it: what an export has beside PEFT's own files. */
export const LABELS_FILE = "id2label.json";

/** A list, a map by number, or a config that has such a map. */
function parseLabels(text: string): string[] | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof json !== "object" || json === null) return undefined;
  const map = "id2label" in json ? json.id2label : json;
  if (typeof map !== "object" || map === null) return undefined;
  const count = Object.keys(map).length;
  const labels = Array.from({ length: count }, (_, at) =>
    Object.hasOwn(map, at) ? (map as Record<number, unknown>)[at] : undefined,
  );
  const isWhole = count > 0 && labels.every((label) => typeof label === "string");
  return isWhole ? (labels as string[]) : undefined;
}
