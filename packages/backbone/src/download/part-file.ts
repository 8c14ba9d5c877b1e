import { randomBytes } from "node:crypto";
import { readdir, rename, rm, stat } from "node:fs/promises";
import os from "node:os";
import path from "node:path";

/**
 * Runs `work` with a name for what is under way: `<target>.<host>-<process>-<random>.part`. Each download has a name of
 * its own, so that two processes never write to one file. The largest part that a dead or failed download left of
 * `target` is taken over by renaming it, which only one process can do; smaller ones are removed.
 */
export async function withPart<T>(target: string, work: (part: string) => Promise<T>): Promise<T> {
  const part = `${target}.${HOST}-${process.pid}-${randomBytes(4).toString("hex")}.part`;
  active.add(part);
  try {
    const left = await abandonedParts(target);
    left.sort((a, b) => b.sizeBytes - a.sizeBytes);
    let taken = false;
    for (const { file } of left) {
      if (taken) await rm(file, { recursive: true, force: true });
      // Fails where another process was quicker.
      else
        taken = await rename(file, part).then(
          () => true,
          () => false,
        );
    }
    return await work(part);
  } finally {
    active.delete(part);
  }
}

/** Parts that this process is writing; others with its number in their names are left from a failed download. */
const active = new Set<string>();

async function abandonedParts(target: string): Promise<{ file: string; sizeBytes: number }[]> {
  const folder = path.dirname(target);
  const start = `${path.basename(target)}.`;
  const left = [];
  for (const name of await readdir(folder)) {
    const [, host, pid] = (name.startsWith(start) && NAME.exec(name.slice(start.length))) || [];
    const file = path.join(folder, name);
    const status = pid === undefined ? undefined : await stat(file).catch(() => undefined);
    if (status === undefined || active.has(file)) continue;
    const idle = Date.now() - status.mtimeMs > IDLE_MS;
    if (idle || (host === HOST && !isOthers(Number(pid)))) left.push({ file, sizeBytes: status.size });
  }
  return left;
}

const NAME = /^([A-Za-z0-9]*)-(\d+)-[0-9a-f]{8}\.part$/;

/** A running download writes every ten seconds or gives up, so an older part is nobody's, whatever its host. */
const IDLE_MS = 60_000;

/** Containers that share a cache count processes for themselves, but differ in host name. */
const HOST = os
  .hostname()
  .replaceAll(/[^A-Za-z0-9]/g, "")
  .slice(0, 40);

/** Whether another process with this number is running. */
function isOthers(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it runs, as another user.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
