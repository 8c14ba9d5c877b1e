import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";

/**
 * Prompts on this machine's own disk: what was read from S3 once is there for the next instance of the process, and where
 * memory had no room for it. Bounded, the least lately used go first. Never in the way: a file that can't be read or
 * written is as if it weren't there. Whoever reads one checks its hash.
 */
export class PromptFiles {
  readonly #folder: string;
  readonly #mostBytes: number;
  /** Size by name, in order of last use. */
  readonly #sizes = new Map<string, number>();
  #bytes = 0;

  constructor(folder: string, mostBytes: number) {
    this.#folder = folder;
    this.#mostBytes = mostBytes;
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      for (const name of readdirSync(folder)) {
        // Cut off while it was written.
        if (name.endsWith(".tmp")) rmSync(path.join(folder, name), { force: true });
        else this.#note(name, statSync(path.join(folder, name)).size);
      }
    } catch {
      // A folder that can't be made holds nothing.
    }
  }

  /** undefined where there is none. */
  async read(tenant: string, promptId: string): Promise<Buffer | undefined> {
    const name = nameOf(tenant, promptId);
    if (!this.#sizes.has(name)) return undefined;
    try {
      const bytes = await readFile(path.join(this.#folder, name));
      this.#note(name, bytes.length);
      return bytes;
    } catch {
      await this.#remove(name);
      return undefined;
    }
  }

  /** false: there was no room, on the disk or for one of its size. */
  async write(tenant: string, promptId: string, bytes: Uint8Array): Promise<boolean> {
    if (bytes.length > this.#mostBytes) return false;
    const name = nameOf(tenant, promptId);
    const file = path.join(this.#folder, name);
    for (const other of this.#sizes.keys()) {
      if (this.#bytes + bytes.length <= this.#mostBytes) break;
      await this.#remove(other);
    }
    try {
      await writeFile(`${file}.tmp`, bytes, { mode: 0o600 });
      await rename(`${file}.tmp`, file);
    } catch {
      await rm(`${file}.tmp`, { force: true }).catch(() => {});
      return false;
    }
    this.#note(name, bytes.length);
    return true;
  }

  async remove(tenant: string, promptId: string): Promise<void> {
    await this.#remove(nameOf(tenant, promptId));
  }

  async clear(): Promise<void> {
    for (const name of [...this.#sizes.keys()]) await this.#remove(name);
  }

  #note(name: string, size: number): void {
    this.#bytes += size - (this.#sizes.get(name) ?? 0);
    this.#sizes.delete(name);
    this.#sizes.set(name, size);
  }

  async #remove(name: string): Promise<void> {
    this.#bytes -= this.#sizes.get(name) ?? 0;
    this.#sizes.delete(name);
    await rm(path.join(this.#folder, name), { force: true }).catch(() => {});
  }
}

/** Both were parsed: letters and digits. A prompt is its tenant's own file, even where another has the same. */
function nameOf(tenant: string, promptId: string): string {
  return `${tenant}.${promptId}`;
}
