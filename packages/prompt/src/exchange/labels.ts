import path from "node:path";
import { isCodedError } from "@kilotune/contract";
import { readText } from "./recognise.ts";

/** The names of a head's rows where the folder tells them: a checkpoint's config.json does, and what our export writes. */
export async function labelsIn(folder: string | undefined, classes: number): Promise<string[] | undefined> {
  for (const name of folder === undefined ? [] : [LABELS_FILE, "config.json"]) {
    const text = await readText(path.join(folder!, name)).catch((error: unknown) => {
      if (isCodedError(error) && error.code === "file_not_found") return "null";
      throw error;
    });
    const labels = parseLabels(text, name === "config.json", classes);
    if (labels !== undefined) return labels;
  }
  return undefined;
}

/** `{"0": "refund", ..}`, as transformers takes it: what an export has beside PEFT's own files. */
export const LABELS_FILE = "id2label.json";

function parseLabels(text: string, isConfig: boolean, classes: number): string[] | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  const map = isConfig ? (json as { id2label?: unknown } | null)?.id2label : json;
  if (typeof map !== "object" || map === null) return undefined;
  const labels = Array.from({ length: classes }, (_, at) =>
    Object.hasOwn(map, at) ? (map as Record<number, unknown>)[at] : undefined,
  );
  const isWhole = Object.keys(map).length === classes && labels.every((label) => typeof label === "string");
  return isWhole ? (labels as string[]) : undefined;
}
