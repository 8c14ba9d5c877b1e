import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { isCodedError } from "@kilotune/contract";
import { decodeCheckpoint, encodeCheckpoint, type RunOptions } from "@kilotune/tuner";

/**
 * A run's checkpoint as a file of the job's folder. It is written under a temporary name and renamed, so a kill leaves
 * the last whole one.
 *
 * @param key what the run depends on; a file with another key is left alone and started over
 */
export function checkpointFile(
  folder: string,
  run: string,
  key: string,
  options: { resume: boolean; onUnusable(words: string): void },
): NonNullable<RunOptions["checkpoint"]> {
  const file = path.join(folder, `${run}.safetensors`);
  return {
    async load() {
      if (!options.resume) return undefined;
      let bytes: Uint8Array;
      try {
        bytes = await readFile(file);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw error;
      }
      try {
        const found = decodeCheckpoint(bytes, key);
        if (found === undefined)
          options.onUnusable(`${file} is of another job (data, settings or backbone differ): starting over`);
        return found;
      } catch (error) {
        if (!isCodedError(error)) throw error;
        options.onUnusable(`${file} is damaged (${error.message}): starting over`);
        return undefined;
      }
    },
    async save(checkpoint) {
      await mkdir(folder, { recursive: true });
      const temporary = `${file}.tmp`;
      await writeFile(temporary, encodeCheckpoint(checkpoint, key));
      await rename(temporary, file);
    },
  };
}

export async function removeCheckpoints(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}
