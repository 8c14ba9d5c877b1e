import { readFile, rename, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { type BackboneFile, findBackbone, type KnownBackbone } from "../registry/backbones.ts";
import { sourceFolder } from "../registry/places.ts";
import { sha256OfFile } from "./checksum.ts";
import { isDiskError } from "./failure.ts";
import { withPart } from "./part-file.ts";

export interface BackboneCheck {
  readonly id: string;
  readonly folder: string;
  /** Every file is there with the right SHA-256. */
  readonly complete: boolean;
  readonly files: readonly FileCheck[];
}

export interface FileCheck {
  readonly file: BackboneFile;
  /** Absolute. */
  readonly path: string;
  readonly state: "right" | "missing" | "wrong";
}

/**
 * Compares a known backbone's files in the cache with their SHA-256. A file whose size and time are those of an earlier
 * check is taken for unchanged, since hashing 90 MB would cost a third of a cold start; `full` reads every byte.
 * @throws KilotuneError `unknown_backbone`
 */
export async function verifyBackbone(id: string, options: VerifyOptions): Promise<BackboneCheck> {
  return verifyFiles(findBackbone(id), options);
}

export interface VerifyOptions {
  /** See cacheFolder. */
  readonly cache: string;
  readonly full?: boolean;
}

export async function verifyFiles(
  { id, files }: Pick<KnownBackbone, "id" | "files">,
  options: VerifyOptions,
): Promise<BackboneCheck> {
  const folder = sourceFolder(options.cache, id);
  const remembered = options.full ? {} : await readMemory(folder);
  const memory: Memory = {};
  const checks: FileCheck[] = [];
  for (const file of files) {
    const place = path.join(folder, file.name);
    const status = await stat(place).catch(() => undefined);
    let state: FileCheck["state"] = status === undefined ? "missing" : "wrong";
    if (status?.isFile() && status.size === file.sizeBytes) {
      const stamp = `${status.mtimeMs} ${status.size} ${file.sha256}`;
      const right = remembered[file.name] === stamp || (await sha256OfFile(place)) === file.sha256;
      if (right) {
        state = "right";
        memory[file.name] = stamp;
      }
    }
    checks.push({ file, path: place, state });
  }
  if (Object.entries(memory).some(([name, stamp]) => remembered[name] !== stamp))
    await writeMemory(folder, memory);
  return { id, folder, complete: checks.every((check) => check.state === "right"), files: checks };
}

/** File name -> time, size and SHA-256 that it had when its bytes were last read and found right. */
type Memory = Record<string, unknown>;

const MEMORY = "verified.json";

async function readMemory(folder: string): Promise<Memory> {
  try {
    const memory: unknown = JSON.parse(await readFile(path.join(folder, MEMORY), "utf8"));
    return typeof memory === "object" && memory !== null ? (memory as Memory) : {};
  } catch {
    // Absent or damaged: everything is read again.
    return {};
  }
}

async function writeMemory(folder: string, memory: Memory): Promise<void> {
  const target = path.join(folder, MEMORY);
  try {
    await withPart(target, async (part) => {
      await writeFile(part, JSON.stringify(memory));
      await rename(part, target);
    });
  } catch (error) {
    // A cache that can only be read is a good cache; it is read in full each time.
    if (!isDiskError(error)) throw error;
  }
}
