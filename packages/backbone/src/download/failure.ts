import { KilotuneError } from "@kilotune/contract";

/** One source could not give a file: the next source is tried. Never leaves this folder. */
export class SourceFailure extends Error {
  override readonly name = "SourceFailure";
}

/** A short reason for people: the system's error codes say more than undici's "fetch failed". */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause;
  const detail = cause instanceof Error ? cause : error;
  const code = codeOf(detail);
  return code && !detail.message.includes(code) ? `${detail.message || error.message} (${code})` : detail.message || code || error.name;
}

/** The disk, not the network: no other source can help. Other errors pass through unchanged. */
export function asDiskError(error: unknown, file: string): unknown {
  const code = codeOf(error);
  if (code === undefined || !(code in DISK_ADVICE)) return error;
  return new KilotuneError(
    code === "ENOSPC" || code === "EDQUOT" ? "disk_full" : "cache_not_writable",
    `${file} could not be written: ${reasonOf(error)}.`,
    `${DISK_ADVICE[code]} Or set KILOTUNE_CACHE to a folder elsewhere.`,
    { kind: "machine", retryable: true, cause: error },
  );
}

const DISK_ADVICE: Record<string, string> = {
  ENOSPC: "Free some disk space and run again; what has arrived is kept.",
  EDQUOT: "Free some of your disk quota and run again; what has arrived is kept.",
  EACCES: "Make the folder writable for this user.",
  EPERM: "Make the folder writable for this user.",
  EROFS: "The disk is read-only.",
  ENOTDIR: "A file stands where a folder is needed; move it away.",
  EIO: "The disk failed; check it.",
};

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
