import { z } from "zod";

/** The pieces that the parts of a manifest are made of. */

export const positiveInteger = z.int().positive();
export const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "expected 64 lower-case hex digits");
export const name = z.string().min(1).max(500);
export const share = z.number().min(0).max(1);
export const positive = z.number().positive();

export function integerUpTo(most: number) {
  return z.int().min(1).max(most);
}

/** A rule that takes more than one field: it says what is wrong, and where in the manifest. */
export type Refuse = (path: string, message: string) => void;
