import { DatabaseSync } from "node:sqlite";

const PATIENCE_MS = 1000;

/**
 * Holds a folder for this process: a lock of the system's own, on a file that has nothing in it, which can't outlive the
 * process. A server that is about to end is waited for.
 *
 * @throws what SQLite throws, SQLITE_BUSY where another process holds it
 */
export function lockFolder(file: string): { release(): void } {
  const lock = new DatabaseSync(file, { timeout: PATIENCE_MS });
  try {
    lock.exec("BEGIN EXCLUSIVE");
    return { release: () => lock.close() };
  } catch (error) {
    lock.close();
    throw error;
  }
}
