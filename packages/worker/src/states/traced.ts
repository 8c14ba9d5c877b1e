import { parseId, parseTenantId } from "@kilotune/contract";
import { inSpan } from "@kilotune/contract/spans";
import type { State } from "./state.ts";
import { JobStopped } from "./state-error.ts";

/** A state as a trace of its own: it may begin hours after the call that made the job. */
export function traced<Output>(name: string, state: State<Output>): State<Output> {
  return (context, input) => {
    const { tenant, job } = (input ?? {}) as Record<string, unknown>;
    const ids = { tenant: parseTenantId(String(tenant)), job: parseId("job", String(job)) };
    const attributes = {
      ...(ids.tenant && { "kilotune.tenant": ids.tenant }),
      ...(ids.job && { "kilotune.job": ids.job }),
    };
    const isExpected = (error: unknown) => error instanceof JobStopped;
    return inSpan(`job ${name}`, { root: true, attributes, isExpected }, () => state(context, input));
  };
}
