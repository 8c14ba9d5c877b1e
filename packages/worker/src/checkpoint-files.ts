import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, rmdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { isCodedError, KilotuneError } from "@kilotune/contract";
import { decodeCheckpoint, encodeCheckpoint, type RunOptions } from "@kilotune/tuner";

/**
 * A run's checkpoint as a file of the job's folder: its SHA-256, then its bytes. A flipped bit would otherwise go on as a
 * slightly other prompt. It is written under a temporary name and renamed, so a kill leaves the last whole one.
 *
 * @param key what the run depends on; a file with another key is left alone and started over
 */
export function checkpointFile(
  folder: string,
  run: string,
  key: string,
  options: { resume: boolean; onUnusable(words: string): void },
): NonNullable<RunOptions["checkpoint"]> {
  const file = path.join(folder, `${run}.checkpoint`);
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
        const found = decodeCheckpoint(checked(bytes), key);
        if (found === undefined)
          options.onUnusable(
            `${file} is of another job (data, settings, backbone or version differ): starting over`,
          );
        return found;
      } catch (error) {
        if (!isCodedError(error)) throw error;
        options.onUnusable(`${file} is damaged (${error.message}): starting over`);
        return undefined;
      }
    },
    async save(checkpoint) {
      const temporary = `${file}.tmp`;
      try {
        await mkdir(folder, { recursive: true });
        const bytes = encodeCheckpoint(checkpoint, key);
        await writeFile(temporary, [sha256(bytes), bytes]);
        await rename(temporary, file);
      } catch (cause) {
        throw new KilotuneError(
          "checkpoint_failed",
          `can't write the checkpoint ${file}: ${(cause as Error).message}`,
          "Free some disk space, or write the prompt to another folder.",
          { kind: "machine", cause },
        );
      }
    },
  };
}

/** Of a whole checkpoint's file. */
export const CHECKPOINT_NAME =
  /^((fold-\d+-of-\d+-)?(selection-\d+|final|whole-(\d+|final))|sweep-\d+-\d+(-of-\d+)?)\.checkpoint$|^sweep\.jsonl$/;

/** Removes what jobs leave in the folder, and the folder where nothing else is in it. */
export async function removeCheckpoints(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  const ours = names.filter((name) => CHECKPOINT_NAME.test(name.replace(/\.tmp$/, "")));
  await Promise.all(ours.map((name) => rm(path.join(folder, name), { force: true })));
  if (ours.length === names.length) await rmdir(folder).catch(() => {});
}

function checked(file: Uint8Array): Uint8Array {
  const bytes = file.subarray(SHA256_BYTES);
  if (sha256(bytes).equals(file.subarray(0, SHA256_BYTES))) return bytes;
  throw new KilotuneError("bad_checkpoint", "its checksum is another's", "Start over.");
}

const SHA256_BYTES = 32;

function sha256(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}
