import { DatabaseSync } from "node:sqlite";
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import type { CheckpointFailure, CheckpointRequest, CheckpointWork } from "./checkpoints.ts";

/** The thread of `Checkpoints`. It answers with nothing, or with why it failed. */

/** 64 MB of log. While one write follows another it never ends by itself. */
const LONG_LOG_PAGES = 8192;
const PATIENCE_MS = 10_000;

const port = parentPort as MessagePort;
const { file, tidying } = workerData as CheckpointWork;
const database = new DatabaseSync(file, { timeout: PATIENCE_MS });
database.exec("PRAGMA synchronous = NORMAL");

port.on("message", (request: CheckpointRequest) => {
  if (request === "tidy") tidy();
  if (request === "empty") port.postMessage(failureOf(() => checkpoint("TRUNCATE")));
  if (request === "close") {
    port.postMessage(failureOf(() => database.close()));
    port.close();
  }
});

function tidy(): void {
  // Where it fails, for a full disk say, the log stays as it is, and the next time may do.
  failureOf(() => {
    if (checkpoint("PASSIVE") <= LONG_LOG_PAGES) return;
    // Once more, so that little is left for the moment in which writers wait.
    checkpoint("PASSIVE");
    checkpoint("TRUNCATE");
  });
  Atomics.store(tidying, 0, 0);
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
