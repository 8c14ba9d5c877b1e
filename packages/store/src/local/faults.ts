import { isCodedError, KilotuneError } from "@kilotune/contract";

/** What Node and SQLite say of a disk, as errors that users see. */

/** While the store runs. The words name no path: they may end up in an answer to a tenant. */
export function runFault(error: unknown): unknown {
  if (isFull(error)) {
    return new KilotuneError(
      "disk_full",
      "the disk that holds the store is full; nothing was written",
      "Free some space on it; no restart is needed.",
      { kind: "machine", retryable: true, cause: error },
    );
  }
  if (isBusy(error)) {
    return new KilotuneError(
      "store_busy",
      "the store's log is being emptied, and that took longer than a write waits",
      "Try again in a moment.",
      { kind: "machine", retryable: true, cause: error },
    );
  }
  return error;
}

/** While it opens, for whoever starts the server. */
export function startFault(folder: string, error: unknown): unknown {
  if (isCodedError(error)) return error;
  const machine = { kind: "machine", cause: error } as const;
  if (isFull(error)) {
    return new KilotuneError(
      "disk_full",
      `can't open the store in ${folder}: the disk is full`,
      "Free some space on it, or choose another folder.",
      machine,
    );
  }
  if (isBusy(error)) {
    return new KilotuneError(
      "store_in_use",
      `another process has the store in ${folder} open`,
      "Stop the other server, or choose another folder. One process at a time may use a store.",
      { kind: "usage", cause: error },
    );
  }
  if (isUnwritable(error)) {
    return new KilotuneError(
      "folder_not_writable",
      `can't write to the folder ${folder}`,
      "Give the user that runs Kilotune the right to write there, or choose another folder.",
      machine,
    );
  }
  if (isDamaged(error)) {
    return new KilotuneError(
      "store_damaged",
      `${folder} holds a damaged store, or records.sqlite there is something else`,
      "Restore the folder from a backup, or choose another one.",
      machine,
    );
  }
  return error;
}

function isFull(error: unknown): boolean {
  return ["ENOSPC", "EDQUOT"].includes(systemCode(error)) || sqliteCode(error) === SQLITE.full;
}

function isBusy(error: unknown): boolean {
  return sqliteCode(error) === SQLITE.busy;
}

function isUnwritable(error: unknown): boolean {
  if (["EACCES", "EPERM", "EROFS", "EEXIST", "ENOTDIR"].includes(systemCode(error))) return true;
  if (extendedCode(error) === SQLITE.ioErrorAtLock) return true; // A file opened for reading takes no such lock.
  const code = sqliteCode(error);
  return code === SQLITE.readOnly || code === SQLITE.cannotOpen;
}

function isDamaged(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === SQLITE.corrupt || code === SQLITE.notADatabase;
}

/** https://sqlite.org/rescode.html */
const SQLITE = {
  busy: 5,
  readOnly: 8,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  notADatabase: 26,
  ioErrorAtLock: 3850,
};

/** The kind of failure, which is an extended code's low byte. */
const sqliteCode = (error: unknown) => extendedCode(error) & 0xff;

function extendedCode(error: unknown): number {
  return error instanceof Error && "errcode" in error && typeof error.errcode === "number"
    ? error.errcode
    : 0;
}

function systemCode(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
