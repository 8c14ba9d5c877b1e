import { isCodedError, KilotuneError } from "@kilotune/contract";

/** What is thrown for a cause: itself where it is ours or the file system's. */
export function told(cause: unknown): unknown {
  const isOfTheFileSystem = cause instanceof Error && "syscall" in cause;
  if (isCodedError(cause) || isOfTheFileSystem) return cause;
  return damaged(cause instanceof Error ? cause.message : "damage", cause);
}

export function damaged(seen: string, cause?: unknown): KilotuneError {
  return zipError(
    "zip_damaged",
    `expected a sound zip, seen: ${shown(seen)}.`,
    "It was cut or isn't one: make it again with zip, 7-Zip or Python's zipfile.",
    cause,
  );
}

/** A member that could lead somewhere else, or mean two things. */
export function unsafe(expected: string, seen: string): KilotuneError {
  const hint = "Zip the folder itself with plain files in it, without links and passwords.";
  return zipError("zip_unsafe", `expected ${expected}, seen ${seen}.`, hint);
}

export function tooLarge(expected: string, seen: string): KilotuneError {
  return zipError(
    "zip_too_large",
    `expected ${expected}, seen ${seen}.`,
    "Split it, or scale its files down.",
  );
}

/** A name of a member in quotes, on one line, cut. */
export function shown(name: string): string {
  const cut = name.length > 100 ? `${name.slice(0, 99)}…` : name;
  return cut.toWellFormed().replace(/[^\x20-\x7e\u00a1-\u1fff\u2c00-\ud7ff\uf900-\ufffd]/g, "?");
}

function zipError(code: string, message: string, hint: string, cause?: unknown): KilotuneError {
  return new KilotuneError(code, message, hint, { kind: "input", ...(cause === undefined ? {} : { cause }) });
}
