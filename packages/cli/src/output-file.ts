import { randomUUID } from "node:crypto";
import { mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { KilotuneError } from "@kilotune/contract";
import { printable } from "./terminal/printable.ts";

/** Before minutes of work: makes the folder of a file that will be written, and refuses a path that is a folder. */
export async function prepareOutput(file: string): Promise<void> {
  const standing = await stat(file).catch(() => undefined);
  if (standing?.isDirectory()) {
    throw new KilotuneError(
      "not_a_file",
      `${printable(file, 500)}: expected a file to write, but saw a folder.`,
      "Give a file's name in it.",
    );
  }
  await mkdir(path.dirname(file), { recursive: true });
}

/** Writes a text, or bytes as they come, whole or not at all: to a temporary name beside it, then renamed over what was there. */
export async function writeWhole(
  file: string,
  content: string | Uint8Array | AsyncIterable<Uint8Array>,
): Promise<void> {
  const temporary = path.join(path.dirname(file), `.kilotune-${randomUUID()}.tmp`);
  try {
    await writeFile(temporary, content, { flag: "wx" });
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
}
