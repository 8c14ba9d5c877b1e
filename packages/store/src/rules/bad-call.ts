import { KilotuneError } from "@kilotune/contract";

/** A call that no adapter takes, whatever is stored: a mistake of the code that calls. */
export function badCall(expected: string, seen: string): KilotuneError {
  const shown = seen.length > 80 ? `${seen.slice(0, 80)}..` : seen;
  return new KilotuneError(
    "bad_store_call",
    `expected ${expected}, saw ${JSON.stringify(shown)}`,
    "Check names that come from outside before they reach the store.",
  );
}
