import { DatabaseSync } from "node:sqlite";
import { KilotuneError } from "@kilotune/contract";

const SCHEMA_VERSION = 1;

/** For as long as the thread that makes checkpoints has the file. */
const PATIENCE_MS = 10_000;

/**
 * The file with all records, of a folder that this process has locked.
 *
 * @throws what SQLite throws; KilotuneError `store_newer`
 */
export function openDatabase(file: string): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: PATIENCE_MS });
  try {
    database.exec("PRAGMA page_size = 8192");
    database.exec("PRAGMA journal_mode = WAL");
    database.exec("PRAGMA wal_autocheckpoint = 0");
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
