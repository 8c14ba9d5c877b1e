import { KilotuneError } from "@kilotune/contract";

/** What an aborted job throws. Its checkpoints, where it has come to any, are left. */
export function interrupted(message: string): KilotuneError {
  return new KilotuneError(
    "interrupted",
    message,
    "Run the same command with --resume to go on from there.",
    { kind: "machine", retryable: true },
  );
}
