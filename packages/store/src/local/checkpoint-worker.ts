import { DatabaseSync } from "node:sqlite";
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { type CheckpointFailure, type CheckpointRequest, type CheckpointWork, LOG } from "./checkpoints.ts";

/** The thread of `Checkpoints`. It answers with nothing, or with why it failed. */

/** 64 MB. */
const LONG_LOG_PAGES = 8192;
const PATIENCE_MS = 10_000;

const port = parentPort as MessagePort;
const { file, state } = workerData as CheckpointWork;
const database = new DatabaseSync(file, { timeout: PATIENCE_MS });
database.exec("PRAGMA synchronous = NORMAL");

port.on("message", (request: CheckpointRequest) => {
  if (request === "tidy") tidy();
  if (request === "empty") port.postMessage(failureOf(empty));
  if (request === "scrub") port.postMessage(failureOf(scrub));
  if (request === "close") {
    port.postMessage(failureOf(() => database.close()));
    port.close();
  }
});

function tidy(): void {
  let pages = 0;
  // Where it fails, for a full disk say, the log stays as it is, and the next time may do.
  failureOf(() => {
    pages = checkpoint("PASSIVE");
    // Once more, so that little is left for the moment in which writers wait.
    if (pages > LONG_LOG_PAGES) checkpoint("PASSIVE");
  });
  Atomics.store(state, 0, pages > LONG_LOG_PAGES ? LOG.long : LOG.quiet);
}

function scrub(): void {
  database.exec("VACUUM");
  empty();
}

function empty(): void {
  checkpoint("TRUNCATE");
  // The first write into an empty log waits for the disk as well: here, then, and a write that changes nothing.
  const { user_version } = database.prepare("PRAGMA user_version").get() as { user_version: number };
  database.exec(`BEGIN IMMEDIATE; PRAGMA user_version = ${user_version}; COMMIT`);
}

/** @returns the pages that the log has */
function checkpoint(mode: "PASSIVE" | "TRUNCATE"): number {
  const found = database.prepare(`PRAGMA wal_checkpoint(${mode})`).get() as { busy: number; log: number };
  if (found.busy !== 0) throw new Error("the log is in use");
  return found.log;
}

function failureOf(work: () => void): CheckpointFailure | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    const { message, errcode = 0 } = error as Error & { errcode?: number };
    return { message, errcode };
  }
}
