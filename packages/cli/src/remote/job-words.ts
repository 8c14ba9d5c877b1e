import type { JobObject } from "@kilotune/sdk";
import { fields } from "./words.ts";

/** A job for people: the failure in words, and what to do with the model. */
export function jobWords({ method, error, ...job }: JobObject): string {
  const failure = error === null ? {} : { error: `${error.code}: ${error.message}` };
  return fields({ ...job, method: method.type, ...failure });
}
