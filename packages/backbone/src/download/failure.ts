import { KilotuneError } from "@kilotune/contract";

/** One source could not give a file: the next source is tried. Never leaves this folder. */
export class SourceFailure extends Error {
  override readonly name: string = "SourceFailure";
}

/** A short reason for people. undici says "fetch failed" and keeps the reason in `cause`. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const told = error.cause instanceof Error ? error.cause : error;
  const code = codeOf(told);
  if (told.message === "") return code ?? told.name;
  return code && !told.message.includes(code) ? `${told.message} (${code})` : told.message;
}

/** Whether the disk failed and not the network, so that no other source can help. */
export function isDiskError(error: unknown): boolean {
  return codeOf(error) !== undefined && DISK_ADVICE.has(codeOf(error)!);
}

/** A disk's error as ours, saying which file and where; any other error unchanged. */
export function asDiskError(error: unknown, file: string): unknown {
  const code = codeOf(error) ?? "";
  const advice = DISK_ADVICE.get(code);
  if (advice === undefined) return error;
  return new KilotuneError(
    code === "ENOSPC" || code === "EDQUOT" ? "disk_full" : "cache_not_writable",
    `${file} could not be written: ${reasonOf(error)}.`,
    `${advice} Or set KILOTUNE_CACHE to a folder elsewhere.`,
    { kind: "machine", retryable: true, cause: error },
  );
}

const DISK_ADVICE: ReadonlyMap<string, string> = new Map([
  ["ENOSPC", "Free some disk space and run again; what has arrived is kept."],
  ["EDQUOT", "Free some of your disk quota and run again; what has arrived is kept."],
  ["EACCES", "Make the folder writable for this user."],
  ["EPERM", "Make the folder writable for this user."],
  ["EROFS", "The disk is read-only."],
  ["ENOTDIR", "A file stands where a folder is needed: move it away."],
  ["EEXIST", "A file stands where a folder is needed: move it away."],
  ["EIO", "The disk failed: check it."],
]);

/** Only the error's own code: undici keeps network codes one level below. */
function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
