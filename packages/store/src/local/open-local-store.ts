import { mkdir } from "node:fs/promises";
import path from "node:path";
import type { Blobs } from "../ports/blobs.ts";
import type { Clock } from "../ports/clock.ts";
import type { Records } from "../ports/records.ts";
import { FileBlobs } from "./blobs.ts";
import { openDatabase } from "./database.ts";
import { startFault } from "./faults.ts";
import { SqliteRecords } from "./records.ts";

export interface LocalStore extends AsyncDisposable {
  readonly records: Records;
  readonly blobs: Blobs;
  close(): Promise<void>;
}

/**
 * A store in a folder of a local disk, made where there is none. It belongs to this process until `close`, or until the
 * process ends in whichever way.
 *
 * @throws KilotuneError `store_in_use`, `folder_not_writable`, `disk_full`, `store_damaged`, `store_newer`
 */
export async function openLocalStore(folder: string, options: { clock?: Clock } = {}): Promise<LocalStore> {
  const { clock = { now: () => new Date() } } = options;
  const root = path.resolve(folder);
  try {
    await mkdir(root, { recursive: true });
    // First the database, whose lock says that nobody else's uploads are among the leftovers.
    const database = openDatabase(path.join(root, "records.sqlite"));
    try {
      const blobs = await FileBlobs.open(root);
      const records = new SqliteRecords(database, clock);
      const close = async () => {
        if (database.isOpen) database.close();
      };
      return { records, blobs, close, [Symbol.asyncDispose]: close };
    } catch (error) {
      database.close();
      throw error;
    }
  } catch (error) {
    throw startFault(root, error);
  }
}
