/** What was looked at before a deployment. */
export interface Finding {
  /** Of the check: the same in every run. */
  readonly name: string;
  /** `unknown`: it couldn't be told, and needn't be wrong. `warning`: it goes, and not well. */
  readonly state: "ok" | "warning" | "unknown" | "missing";
  readonly seen: string;
  /** What to do about it; none where it's ok. */
  readonly todo?: string;
}

export function ok(name: string, seen: string): Finding {
  return { name, state: "ok", seen };
}

export function missing(name: string, seen: string, todo: string): Finding {
  return { name, state: "missing", seen, todo };
}

export function warning(name: string, seen: string, todo: string): Finding {
  return { name, state: "warning", seen, todo };
}

export function unknown(name: string, seen: string, todo: string): Finding {
  return { name, state: "unknown", seen, todo };
}

/** What a check says where it throws: the error's own words, which say what to do. */
export function fromError(name: string, error: unknown): Finding {
  const { message, hint } = error as Error & { hint?: string };
  const [seen = message, ...rest] = message.split(/(?<=\.) (?=[A-Z])/);
  return missing(name, seen, [...rest, hint ?? ""].join(" ").trim());
}
