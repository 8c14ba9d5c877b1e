import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, link, mkdir, open, readdir, rename, rm, rmdir, stat } from "node:fs/promises";
import path from "node:path";
import type { TenantId } from "@kilotune/contract";
import type { Blobs, BlobWritten } from "../ports/blobs.ts";
import { badCall } from "../rules/bad-call.ts";
import { checkBlobPath, checkBlobPrefix } from "../rules/blob-path.ts";
import { measured } from "../rules/measured.ts";
import { releasing } from "../rules/releasing.ts";
import { checkTenant } from "../rules/tenant.ts";
import { runFault } from "./faults.ts";

/**
 * Blobs as files `tenants/<tenant>/<path>`. A file is written in `temporary/`, flushed, then given its name: whoever looks
 * sees all of it or none, after a power cut too.
 */
export class FileBlobs implements Blobs {
  readonly #tenants: string;
  readonly #temporary: string;

  /** For the one process that holds the folder: what lies in `temporary/` was left by one that is gone. */
  static async open(root: string): Promise<FileBlobs> {
    const blobs = new FileBlobs(root);
    await rm(blobs.#temporary, { recursive: true, force: true });
    await mkdir(blobs.#temporary);
    await mkdir(blobs.#tenants, { recursive: true });
    return blobs;
  }

  private constructor(root: string) {
    this.#tenants = path.join(root, "tenants");
    this.#temporary = path.join(root, "temporary");
  }

  async put(
    tenant: TenantId,
    name: string,
    bytes: Uint8Array | AsyncIterable<Uint8Array>,
    options: { readonly ifAbsent?: boolean } = {},
  ): Promise<BlobWritten> {
    checkBlobPath(tenant, name);
    const temporary = path.join(this.#temporary, randomUUID());
    const { chunks, result } = measured(bytes);
    try {
      await writeWhole(temporary, chunks);
      const written = await this.#publish(temporary, this.#file(tenant, name), options.ifAbsent ?? false);
      return { ...result(), written };
    } catch (error) {
      throw runFault(error);
    } finally {
      await rm(temporary, { force: true });
    }
  }

  async open(
    tenant: TenantId,
    name: string,
  ): Promise<{ readonly size: number; readonly chunks: AsyncIterable<Uint8Array> } | undefined> {
    checkBlobPath(tenant, name);
    const handle = await orNone(open(this.#file(tenant, name), constants.O_RDONLY | constants.O_NOFOLLOW));
    if (handle === undefined) return undefined;
    const status = await handle.stat();
    if (!status.isFile()) {
      await handle.close();
      return undefined;
    }
    return {
      size: status.size,
      chunks: releasing(
        () => readChunk(handle),
        () => handle.close(),
      ),
    };
  }

  async *list(
    tenant: TenantId,
    prefix: string,
  ): AsyncIterable<{ readonly path: string; readonly size: number }> {
    checkBlobPrefix(tenant, prefix);
    for await (const name of this.#walk(tenant, "", prefix)) {
      const status = await orNone(stat(this.#file(tenant, name)));
      if (status !== undefined) yield { path: name, size: status.size };
    }
  }

  async remove(tenant: TenantId, name: string): Promise<void> {
    checkBlobPath(tenant, name);
    const file = this.#file(tenant, name);
    await rm(file, { force: true }).catch((error: unknown) => {
      // A folder, or below a file: no blob.
      if (!["ERR_FS_EISDIR", "ENOTDIR"].includes(codeOf(error))) throw error;
    });
    await this.#removeEmptyFolders(path.dirname(file));
  }

  async eraseTenant(tenant: TenantId): Promise<number> {
    checkTenant(tenant);
    const doomed = path.join(this.#temporary, randomUUID());
    let count = 0;
    for await (const _ of this.#walk(tenant, "", "")) count++;
    // Gone at once for all who look; what a kill leaves of it is removed at the next start.
    await orNone(rename(path.join(this.#tenants, tenant), doomed));
    await rm(doomed, { recursive: true, force: true });
    return count;
  }

  #file(tenant: TenantId, name: string): string {
    return path.join(this.#tenants, tenant, name);
  }

  /** Gives a whole file its name; false where that one is taken and must stay so. */
  async #publish(temporary: string, file: string, ifAbsent: boolean): Promise<boolean> {
    const folder = path.dirname(file);
    for (let tries = 0; ; tries++) {
      try {
        const firstMade = await mkdir(folder, { recursive: true });
        if (ifAbsent) await link(temporary, file);
        else await rename(temporary, file);
        await orNone(flushFolders(folder, firstMade));
        return true;
      } catch (error) {
        const code = codeOf(error);
        if (ifAbsent && code === "EEXIST") return false;
        if (FOLDER_IN_THE_WAY.has(code))
          throw badCall("a path that is no folder of other blobs", path.basename(file));
        // A removal took the folder away for being empty: once more.
        if (code !== "ENOENT" || tries === MAX_TRIES) throw error;
      }
    }
  }

  /** Paths of files below a folder, in byte order; only folders that may hold some with the prefix are read. */
  async *#walk(tenant: TenantId, folder: string, prefix: string): AsyncGenerator<string> {
    const entries = (await orNone(readdir(this.#file(tenant, folder), { withFileTypes: true }))) ?? [];
    // What a process left that was killed between a removal and this.
    if (entries.length === 0) await this.#removeEmptyFolders(this.#file(tenant, folder));
    // A folder sorts by its name with the slash that follows it in paths: `a-b` comes before `a/b`.
    const names = entries
      .filter((entry) => entry.isFile() || entry.isDirectory())
      .map((entry) => folder + entry.name + (entry.isDirectory() ? "/" : ""));
    for (const name of names.sort(byBytes)) {
      if (name.endsWith("/")) {
        if (name.startsWith(prefix) || prefix.startsWith(name)) yield* this.#walk(tenant, name, prefix);
      } else if (name.startsWith(prefix)) yield name;
    }
  }

  async #removeEmptyFolders(folder: string): Promise<void> {
    while (folder !== this.#tenants && (await isRemoved(folder))) folder = path.dirname(folder);
  }
}

const CHUNK_BYTES = 256 * 1024;
const MAX_TRIES = 20;

async function writeWhole(file: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  await using handle = await open(file, "wx");
  for await (const chunk of chunks) await handle.writeFile(chunk);
  await handle.sync();
}

async function readChunk(handle: FileHandle): Promise<Uint8Array | undefined> {
  const { buffer, bytesRead } = await handle.read(new Uint8Array(CHUNK_BYTES), 0, CHUNK_BYTES);
  return bytesRead === 0 ? undefined : buffer.subarray(0, bytesRead);
}

/** Makes a new name last: the folder that holds it, and those that hold the folders made for it. */
async function flushFolders(folder: string, firstMade: string | undefined): Promise<void> {
  if (process.platform === "win32") return; // Folders can't be opened there.
  const top = firstMade === undefined ? folder : path.dirname(firstMade);
  for (let at = folder; ; at = path.dirname(at)) {
    await using handle = await open(at, "r");
    await handle.sync();
    if (at === top) return;
  }
}

async function isRemoved(folder: string): Promise<boolean> {
  return rmdir(folder).then(
    () => true,
    () => false,
  );
}

/** undefined where there is nothing of that name; neither a link nor a file in a folder's place is anything. */
async function orNone<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "ELOOP", "EISDIR"].includes(codeOf(error))) return undefined;
    throw error;
  }
}

const FOLDER_IN_THE_WAY = new Set(["EISDIR", "ENOTDIR", "ENOTEMPTY", "EEXIST"]);

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

const byBytes = (a: string, b: string) => (a < b ? -1 : 1);
