import { KilotuneError } from "../error.ts";
import type { z } from "zod";

/** The first thing that a schema found, in words; the caller's values are never quoted, since they may be texts. */
export function invalidField(error: z.core.$ZodError, ...inside: string[]): KilotuneError {
  const { path, message } = deepest(error.issues[0] as z.core.$ZodIssue);
  const param = [...inside, ...path].map(String).join(".").slice(0, MAX_PARAM_LENGTH);
  return badField(param === "" ? null : param, message.slice(0, 500));
}

export function badField(param: string | null, what: string, hint = "See /docs."): KilotuneError {
  const where = param === null ? "The request" : `\`${param}\``;
  return new KilotuneError("invalid_request", `${where} isn't valid: ${what}.`, hint, { param });
}

/** Keys of metadata are the caller's and may be as long as the body. */
const MAX_PARAM_LENGTH = 128;

/** Of a union's branches the one that got furthest is what the caller meant: `input.3` rather than "invalid input". */
function deepest(issue: z.core.$ZodIssue): { path: PropertyKey[]; message: string } {
  const branches = issue.code === "invalid_union" ? issue.errors : [];
  const inner = branches.flatMap(([first]) => (first === undefined ? [] : [deepest(first)]));
  const furthest = Math.max(0, ...inner.map(({ path }) => path.length));
  const meant = inner.filter(({ path }) => path.length === furthest);
  if (meant.length === 0) return { path: issue.path, message: issue.message };
  const messages = [...new Set(meant.map(({ message }) => message))];
  return { path: [...issue.path, ...(meant[0]?.path ?? [])], message: messages.join(", or: ") };
}
