import { randomUUID } from "node:crypto";
import { mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isCodedError, KilotuneError, retold } from "@kilotune/contract";
import { decodePrompt, refuseLarge } from "./decode.ts";
import type { StoredPrompt } from "./prompt.ts";
import { printable } from "./quote.ts";

/** The edge to the file system: `@kilotune/prompt/node`. All that a file may hold is judged in decode.ts. */

/** Throws as decodePrompt does, `file_not_found` and the like, or a machine error; the message starts with the path. */
export async function readPromptFile(path: string): Promise<StoredPrompt> {
  try {
    const status = await stat(path);
    // Before it is opened: a pipe would block, a device such as /dev/zero never ends.
    if (!status.isFile()) throw notAFile(status.isDirectory() ? "a folder" : "a device or a pipe");
    refuseLarge(status.size);
    return await decodePrompt(await readFile(path));
  } catch (error) {
    throw explain(error, path, "read");
  }
}

/**
 * Writes the file whole or not at all, in a folder that is made where there is none: to a temporary name beside it,
 * flushed to the disk, then renamed over what was there. Throws `not_a_file` and the like, or a machine error such as `disk_full`.
 */
export async function writePromptFile(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = join(dirname(path), `.kilotune-${randomUUID()}.tmp`);
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFlushed(temporary, bytes);
    await rename(temporary, path);
  } catch (error) {
    // Whether or not it can be removed, the first failure is the one to tell.
    await rm(temporary, { force: true }).catch(() => undefined);
    throw explain(error, path, "write");
  }
}

async function writeFlushed(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, "wx");
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

function notAFile(seen: string): KilotuneError {
  return new KilotuneError(
    "not_a_file",
    `expected a prompt file, but saw ${seen}`,
    "Give the path of a file, such as out/prompt.safetensors.",
  );
}

/** The path in front of the message: a command may be given several prompts. */
function explain(error: unknown, path: string, doing: "read" | "write"): KilotuneError {
  const coded = isCodedError(error) ? error : translate(error, doing);
  return retold(coded, { message: `${printable(path, 1000)}: ${coded.message}`, cause: error });
}

function translate(error: unknown, doing: "read" | "write"): KilotuneError {
  const message = `could not ${doing} the prompt file: ${printable(error instanceof Error ? error.message : String(error))}`;
  const input = (code: string, hint: string) => new KilotuneError(code, message, hint);
  const machine = (code: string, hint: string) => new KilotuneError(code, message, hint, { kind: "machine" });
  switch (errnoOf(error)) {
    case "ENOENT":
      return new KilotuneError(
        "file_not_found",
        "expected a prompt file, but there is none",
        "Check the path for typing errors; `kilotune tune` prints where it wrote the prompt.",
      );
    case "EISDIR":
      return notAFile("a folder");
    case "ENOTDIR":
    case "EEXIST":
      return input("not_a_folder", "Check the path: a part of it that should be a folder is a file.");
    case "ENAMETOOLONG":
    case "ELOOP":
    case "ERR_INVALID_ARG_VALUE":
      return input("bad_path", "Check the path: no file can have it.");
    case "ENOSPC":
    case "EDQUOT":
      return machine("disk_full", "Free some disk space and run the command again.");
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return machine("not_permitted", `Choose a place that you may ${doing}, or change its permissions.`);
    default:
      return machine("file_failed", "Check the path and the disk, then run the command again.");
  }
}

function errnoOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
