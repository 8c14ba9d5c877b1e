import { mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

/** The one folder of a function that may be written to: what is in it may be there at the next call, or not. */
export const SCRATCH = path.join(tmpdir(), "kilotune");

export function makeScratch(): string {
  mkdirSync(SCRATCH, { recursive: true, mode: 0o700 });
  return SCRATCH;
}
