import { isCodedError, KilotuneError } from "@kilotune/contract";

/** For malformed, foreign and unknown ids alike: it says nothing that tells them apart, not even the id. */
export function notFound(what: string, param: string | null = null): KilotuneError {
  return new KilotuneError("not_found", `There is no such ${what}.`, `List what there is to see its id.`, {
    param,
  });
}

export function modelNotFound(param: string | null = "model"): KilotuneError {
  return new KilotuneError(
    "model_not_found",
    "There is no such model.",
    "GET /v1/models lists backbones and tuned models; an alias is legal too.",
    { param },
  );
}

/** What the caller's bytes are to blame for. */
export function isInputError(error: unknown): error is KilotuneError {
  return isCodedError(error) && error.kind === "input";
}

/** `seen` isn't quoted: it may be a text or a secret. */
export function invalidValue(param: string, expected: string, seen: string, hint?: string): KilotuneError {
  return new KilotuneError(
    "invalid_value",
    `${param}: expected ${expected}, saw ${seen}.`,
    hint ?? `Change ${param} and send it again.`,
    { param },
  );
}

export function exceededQuota(what: string, limit: string, hint: string): KilotuneError {
  return new KilotuneError("exceeded_quota", `${what}: the plan's limit is ${limit}.`, hint);
}
