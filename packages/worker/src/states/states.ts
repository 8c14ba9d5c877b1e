import { evaluate } from "./evaluate.ts";
import { fail } from "./fail.ts";
import { notify } from "./notify.ts";
import { publish } from "./publish.ts";
import type { State } from "./state.ts";
import { tune } from "./tune.ts";
import { validate } from "./validate.ts";

/** By the names that the state machine gives them. */
export const STATES = {
  Validate: validate,
  Tune: tune,
  Evaluate: evaluate,
  Publish: publish,
  Fail: fail,
  Notify: notify,
} satisfies Record<string, State>;
