import { isCodedError } from "./error.ts";

/**
 * An error as the operator's log may have it: it may quote paths, never texts or keys. A coded error's words are ours. Of
 * others only the place is told: a parser quotes what it can't read.
 */
export function describeFault(error: unknown): Readonly<Record<string, unknown>> {
  if (isCodedError(error)) {
    const { code, message, hint, cause } = error;
    if (cause === undefined) return { code, message, hint };
    // Of what lies below its code says enough: its words may quote what was to be read.
    return { code, message, hint, cause: isCodedError(cause) ? { code: cause.code } : describeFault(cause) };
  }
  if (!(error instanceof Error)) return { name: typeof error };
  const frames = (error.stack ?? "").split("\n").filter((frame) => /^\s+at /.test(frame));
  const code = "code" in error ? { code: error.code } : {};
  const complaints = "complaints" in error ? { complaints: error.complaints } : {};
  return { name: error.name, ...code, at: frames.slice(0, 8).map((frame) => frame.trim()), ...complaints };
}
