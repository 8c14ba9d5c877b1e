import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, readFile, rename, rm } from "node:fs/promises";
import path from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { ZipFile } from "yazl";
import type { LayerFile } from "./content.ts";

/**
 * Writes files, in the order given, to a zip whose bytes depend on nothing but their paths and bytes (and on the zlib that
 * deflates them: Node's version and the processor). The file is there whole or not at all.
 */
export async function writeZip(
  files: readonly LayerFile[],
  to: string,
): Promise<{ readonly sizeBytes: number; readonly sha256: string }> {
  const temporary = `${to}.${process.pid}.tmp`;
  await mkdir(path.dirname(to), { recursive: true });
  const hash = createHash("sha256");
  let sizeBytes = 0;
  const counted = new Transform({
    transform(chunk: Buffer, _, done) {
      hash.update(chunk);
      sizeBytes += chunk.length;
      done(null, chunk);
    },
  });
  // A zip tells local times, so these are the same bytes in every time zone.
  const mtime = new Date(2000, 0, 1);
  try {
    const zip = new ZipFile();
    const failed = new Promise<never>((_, reject) => zip.once("error", reject));
    for (const { path: name, source } of files) {
      const bytes = typeof source === "string" ? await readFile(source) : Buffer.from(source);
      zip.addBuffer(bytes, name, { mtime, forceDosTimestamp: true, mode: MODE });
    }
    zip.end();
    await Promise.race([pipeline(zip.outputStream, counted, createWriteStream(temporary)), failed]);
    await rename(temporary, to);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  return { sizeBytes, sha256: hash.digest("hex") };
}

/** Anybody may read it: Lambda's user isn't ours. Libraries needn't be executable to be loaded. */
const MODE = 0o100644;
