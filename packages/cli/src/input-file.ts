import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { KilotuneError } from "@kilotune/contract";
import type { Chunks } from "@kilotune/dataset";
import { printable } from "./terminal/printable.ts";
import type { Terminal } from "./terminal/terminal.ts";

/** The bytes of a file that the user named; "-" is stdin. Throws as assertReadable does. */
export async function openInput(path: string, terminal: Terminal): Promise<Chunks> {
  if (path === "-") return terminal.io.stdin;
  await assertReadable(path);
  return chunksOf(path);
}

/**
 * Says early what is wrong with a path, before anything is fetched or computed. Pipes are fine (`<(zcat rows.gz)`).
 *
 * @param options `folders`: whether a folder will do
 * @throws KilotuneError `file_not_found`, `not_a_file`, `bad_path`; `not_permitted` and the like as machine errors
 */
export async function assertReadable(path: string, { folders = false } = {}): Promise<void> {
  const status = await stat(path).catch((error: unknown) => {
    throw asInputError(error, path);
  });
  if (status.isDirectory() && !folders) throw notAFile(path);
}

/** For work that reads a file several times: a pipe has its bytes once. Throws as assertReadable does, and `not_a_file`. */
export async function assertRereadable(path: string): Promise<void> {
  await assertReadable(path);
  if ((await stat(path)).isFile()) return;
  throw new KilotuneError(
    "not_a_file",
    `${printable(path, 500)}: expected a file, but saw a pipe or a device, which can be read only once.`,
    "Write its rows to a file first.",
  );
}

async function* chunksOf(path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(path, { highWaterMark: 1 << 16 });
  } catch (error) {
    throw asInputError(error, path);
  }
}

function asInputError(cause: unknown, path: string): unknown {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  const shown = printable(path, 500);
  const refuse = (name: string, seen: string, hint: string, kind: "input" | "machine" = "input") =>
    new KilotuneError(name, `${shown}: ${seen}`, hint, { kind, cause });
  switch (code) {
    case "ENOENT":
      return refuse("file_not_found", "expected a file, but there is none.", "Check the path.");
    case "EISDIR":
      return notAFile(path);
    case "ENOTDIR":
    case "ENAMETOOLONG":
    case "ELOOP":
    case "ERR_INVALID_ARG_VALUE":
      return refuse("bad_path", "expected the path of a file, but no file can have it.", "Check the path.");
    case "EACCES":
    case "EPERM":
      return refuse("not_permitted", "the file may not be read.", "Change its permissions.", "machine");
    default:
      return cause;
  }
}

function notAFile(path: string): KilotuneError {
  return new KilotuneError(
    "not_a_file",
    `${printable(path, 500)}: expected a file, but saw a folder.`,
    "Give the path of a file in it.",
  );
}
