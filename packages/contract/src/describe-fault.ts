import { isCodedError } from "./error.ts";

/**
 * An error as the operator's log may have it: it may quote paths, never texts or keys. A coded error's words are ours. Of
 * others only the place is told: a parser quotes what it can't read.
 */
export function describeFault(error: unknown): Readonly<Record<string, unknown>> {
  if (isCodedError(error)) {
    const cause = error.cause === undefined ? {} : { cause: describeFault(error.cause) };
    return { code: error.code, message: error.message, hint: error.hint, ...cause };
  }
  if (!(error instanceof Error)) return { name: typeof error };
  const frames = (error.stack ?? "").split("\n").filter((frame) => /^\s+at /.test(frame));
  const code = "code" in error ? { code: error.code } : {};
  const complaints = "complaints" in error ? { complaints: error.complaints } : {};
  return { name: error.name, ...code, at: frames.slice(0, 8).map((frame) => frame.trim()), ...complaints };
}
