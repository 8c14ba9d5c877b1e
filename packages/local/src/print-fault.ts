import { isCodedError } from "@kilotune/contract";

/** What went wrong beside any request, as a line of the log. It may quote paths, never texts or keys: see below. */
export function printFault(error: unknown): string {
  const line = { time: new Date().toISOString(), level: "error", event: "fault", ...told(error) };
  return JSON.stringify(line);
}

/** A coded error's words are ours. Of others only the place is told: a parser quotes what it can't read. */
function told(error: unknown): object {
  if (isCodedError(error)) return { code: error.code, message: error.message, hint: error.hint };
  if (!(error instanceof Error)) return { name: typeof error };
  const frames = (error.stack ?? "").split("\n").filter((frame) => /^\s+at /.test(frame));
  const { code } = error as NodeJS.ErrnoException;
  const complaints = "complaints" in error ? { complaints: error.complaints } : {};
  return { name: error.name, code, at: frames.slice(0, 8).map((frame) => frame.trim()), ...complaints };
}
