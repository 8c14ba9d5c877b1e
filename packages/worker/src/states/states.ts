import { evaluate } from "./evaluate.ts";
import { fail } from "./fail.ts";
import { notify } from "./notify.ts";
import { publish } from "./publish.ts";
import type { State } from "./state.ts";
import { traced } from "./traced.ts";
import { tryCandidate } from "./try-candidate.ts";
import { tune } from "./tune.ts";
import { validate } from "./validate.ts";

/** By the names that the state machine gives them. */
export const STATES = {
  Validate: traced("Validate", validate),
  Try: traced("Try", tryCandidate),
  Tune: traced("Tune", tune),
  Evaluate: traced("Evaluate", evaluate),
  Publish: traced("Publish", publish),
  Fail: traced("Fail", fail),
  Notify: traced("Notify", notify),
} satisfies Record<string, State<unknown>>;
