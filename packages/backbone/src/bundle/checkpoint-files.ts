import { type FileHandle, open, readFile } from "node:fs/promises";
import path from "node:path";
import { KilotuneError } from "@kilotune/contract";
import { readSafetensorsHeader, type SafetensorsHeader } from "@kilotune/engine";

/** Reading the files of a checkpoint's folder, with errors that say which one and why. */

/** All but the weights that a backbone is built of; some may be left out. */
export const TEXT_FILES = [
  "config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "sentence_bert_config.json",
  "1_Pooling/config.json",
  "modules.json",
  "config_sentence_transformers.json",
] as const;

export async function readHeaderOfFile(file: string): Promise<SafetensorsHeader> {
  const handle = await openFile(file);
  try {
    return await readHeader(handle);
  } finally {
    await handle.close();
  }
}

export async function readHeader(file: FileHandle): Promise<SafetensorsHeader> {
  return readSafetensorsHeader((offset, length) => readAt(file, offset, length), (await file.stat()).size);
}

export async function openFile(file: string): Promise<FileHandle> {
  try {
    return await open(file, "r");
  } catch (cause) {
    throw missing(file, cause);
  }
}

export async function readAt(file: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  // An array of its own, so that its tensors are aligned and can be viewed.
  const bytes = new Uint8Array(length);
  const { bytesRead } = await file.read(bytes, 0, length, offset);
  return bytes.subarray(0, bytesRead);
}

export async function readText(
  folder: string,
  name: string,
  need: "required" | "optional" = "required",
): Promise<string | undefined> {
  try {
    return await readFile(path.join(folder, name), "utf8");
  } catch (cause) {
    if (need === "optional" && (cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw missing(path.join(folder, name), cause);
  }
}

export async function readJson(
  folder: string,
  name: string,
  need: "required" | "optional" = "required",
): Promise<unknown> {
  const text = await readText(folder, name, need);
  return text === undefined ? undefined : parseJson(text, name);
}

export function parseJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new KilotuneError(
      "bad_config",
      `${name}: expected JSON, saw ${(cause as Error).message}`,
      "Download the checkpoint again.",
      { cause },
    );
  }
}

function missing(file: string, cause: unknown): KilotuneError {
  return new KilotuneError(
    "missing_file",
    `expected the checkpoint's file ${file}, but can't read it: ${(cause as Error).message}`,
    "A checkpoint folder holds config.json, model.safetensors and tokenizer.json, as Hugging Face lays them out.",
    { cause },
  );
}
