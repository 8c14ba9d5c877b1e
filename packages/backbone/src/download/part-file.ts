import { randomBytes } from "node:crypto";
import { readdir, rename, rm, stat } from "node:fs/promises";
import os from "node:os";
import path from "node:path";

/**
 * Names for what is under way: `<file>.<host>-<process>-<random>.part`. Each download has a name of its own, so two
 * processes never write to one file; a name whose process is gone may be taken over by renaming it, which only one
 * process can do.
 */
export function newPart(target: string): string {
  return `${target}.${HOST}-${process.pid}-${randomBytes(4).toString("hex")}.part`;
}

/** Renames the largest part that a dead process left of `target`, removes the others, and returns the new name. */
export async function adoptPart(target: string): Promise<string> {
  const mine = newPart(target);
  const left = await abandonedParts(target);
  left.sort((a, b) => b.sizeBytes - a.sizeBytes);
  let adopted = false;
  for (const { file } of left) {
    // Either can fail where another process was quicker; that is what makes taking over safe.
    if (adopted) await rm(file, { recursive: true, force: true });
    else adopted = await rename(file, mine).then(() => true, () => false);
  }
  return mine;
}

/** Removes what dead processes left of `target`, files or folders. */
export async function removeAbandoned(target: string): Promise<void> {
  for (const { file } of await abandonedParts(target)) await rm(file, { recursive: true, force: true });
}

async function abandonedParts(target: string): Promise<{ file: string; sizeBytes: number }[]> {
  const folder = path.dirname(target);
  const start = `${path.basename(target)}.`;
  const left = [];
  for (const name of await readdir(folder).catch(() => [])) {
    if (!name.startsWith(start) || !name.endsWith(".part")) continue;
    const file = path.join(folder, name);
    const status = await stat(file).catch(() => undefined);
    const [, host, pid] = /^(.*)-(\d+)-[0-9a-f]{8}\.part$/.exec(name.slice(start.length)) ?? [];
    if (status === undefined || pid === undefined) continue;
    const idle = Date.now() - status.mtimeMs > IDLE_MS;
    if (idle || (host === HOST && !isRunning(Number(pid)))) left.push({ file, sizeBytes: status.size });
  }
  return left;
}

/** A running download writes at least every ten seconds or gives up; so an older part is nobody's, whatever its host. */
const IDLE_MS = 60_000;

/** Containers that share a cache have process numbers of their own, but different host names. */
const HOST = os.hostname().replaceAll(/[^A-Za-z0-9]/g, "").slice(0, 40);

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it runs, as another user.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
