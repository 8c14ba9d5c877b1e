import { createReadStream } from "node:fs";
import path from "node:path";
import { KilotuneError } from "@kilotune/contract";
import { guessFormat } from "@kilotune/dataset";
import type { DataSource } from "./job.ts";

/** A data file on disk; JSONL or CSV by its name. Errors of reading say which file it was. */
export function fileSource(file: string): DataSource {
  return {
    name: path.basename(file),
    format: guessFormat(file),
    path: file,
    async *open() {
      try {
        yield* createReadStream(file, { highWaterMark: 1 << 18 });
      } catch (cause) {
        const { code, message } = cause as NodeJS.ErrnoException;
        const why =
          code === "ENOENT" ? "there is no such file" : code === "EISDIR" ? "it is a folder" : message;
        throw new KilotuneError("unreadable_file", `can't read ${file}: ${why}`, "Check the path.", {
          cause,
        });
      }
    },
  };
}
