import { KilotuneError } from "@kilotune/contract";
import type { Io } from "./terminal.ts";

/** The process's own streams, environment, clock and signals. */
export function processIo(): Io {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      // The reader has gone, as in `kilotune classify .. | head`: nobody is left to be told.
      if (error.code === "EPIPE") process.exit(0);
      throw error;
    });
  }
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    environment: process.env,
    clock: () => performance.now(),
    takeInterrupt() {
      const controller = new AbortController();
      process.once("SIGINT", () => controller.abort(interrupted()));
      // As a service's manager stops it.
      process.once("SIGTERM", () => controller.abort(interrupted()));
      return controller.signal;
    },
  };
}

function interrupted(): KilotuneError {
  return new KilotuneError(
    "interrupted",
    "Stopped by Ctrl-C.",
    "Run the same command again; a download goes on where it stopped.",
    { kind: "machine", retryable: true },
  );
}
