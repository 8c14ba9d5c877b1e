import { DatabaseSync } from "node:sqlite";
import { KilotuneError } from "@kilotune/contract";

const SCHEMA_VERSION = 1;

/**
 * The file with all records, locked for this process. The lock is the system's own, on the file, so it can't outlive the
 * process; in exchange SQLite asks for no further locks and needs no shared memory.
 *
 * @throws what SQLite throws; KilotuneError `store_newer`
 */
export function openDatabase(file: string): DatabaseSync {
  // The timeout lets a server that is about to end be followed by the next.
  const database = new DatabaseSync(file, { timeout: 1000 });
  try {
    database.exec("PRAGMA locking_mode = EXCLUSIVE");
    database.exec("PRAGMA page_size = 8192");
    database.exec("PRAGMA journal_mode = WAL");
    // Survives the end of the process at any moment. A power cut may take the last writes, whole ones.
    database.exec("PRAGMA synchronous = NORMAL");
    database.exec("PRAGMA cache_size = -65536");
    // What is deleted is overwritten: a tenant that was erased is in no free page.
    database.exec("PRAGMA secure_delete = ON");
    database.exec("BEGIN IMMEDIATE");
    makeTables(database);
    database.exec("COMMIT");
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function makeTables(database: DatabaseSync): void {
  const found = database.prepare("PRAGMA user_version").get()?.user_version as number;
  if (found > SCHEMA_VERSION) {
    throw new KilotuneError(
      "store_newer",
      `expected a store of version ${SCHEMA_VERSION}, saw version ${found}`,
      "Run the Kilotune that made it, or a later one.",
      { kind: "usage" },
    );
  }
  if (found === SCHEMA_VERSION) return;
  // Without rowid: a tenant's records lie together, so that listing and erasing them reads few pages.
  database.exec(`
    CREATE TABLE records (
      tenant TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL,
      revision INTEGER NOT NULL, value TEXT NOT NULL, expires_at INTEGER,
      PRIMARY KEY (tenant, kind, id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX expiring ON records (expires_at) WHERE expires_at IS NOT NULL;
    PRAGMA user_version = ${SCHEMA_VERSION};
  `);
}
