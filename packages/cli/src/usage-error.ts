import { KilotuneError } from "@kilotune/contract";

/** A command was called wrongly. `message` without a full stop. */
export function usageError(command: string, message: string, hint: string): KilotuneError {
  return new KilotuneError(
    "usage",
    `kilotune ${command}: ${message}.`,
    `${hint} Help: kilotune ${command} --help`,
    { kind: "usage" },
  );
}
