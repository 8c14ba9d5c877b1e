import { mkdir } from "node:fs/promises";
import path from "node:path";
import type { Blobs } from "../ports/blobs.ts";
import type { Clock } from "../ports/clock.ts";
import type { Records } from "../ports/records.ts";
import { FileBlobs } from "./blobs.ts";
import { Checkpoints } from "./checkpoints.ts";
import { openDatabase } from "./database.ts";
import { startFault } from "./faults.ts";
import { lockFolder } from "./lock.ts";
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
  const undo = new DisposableStack();
  try {
    // What tenants have lies in it as it is: nobody else on the machine reads it.
    await mkdir(root, { recursive: true, mode: 0o700 });
    const lock = lockFolder(path.join(root, "lock.sqlite"));
    undo.defer(() => lock.release());
    const blobs = await FileBlobs.open(root);
    const file = path.join(root, "records.sqlite");
    const database = openDatabase(file);
    undo.defer(() => database.close());
    const checkpoints = new Checkpoints(file);
    const records = new SqliteRecords(database, clock, checkpoints);
    const opened = undo.move();
    const close = async () => {
      await checkpoints.close();
      opened.dispose();
    };
    return { records, blobs, close, [Symbol.asyncDispose]: close };
  } catch (error) {
    undo.dispose();
    throw startFault(root, error);
  }
}
