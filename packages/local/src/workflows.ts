import { type BatchId, type JobId, parseId } from "@kilotune/contract";
import type { Workflow } from "@kilotune/store";

/** Jobs go the one way, batches the other. */
export function workflows(jobs: Workflow, batches: Workflow): Workflow {
  const of = (id: JobId | BatchId) => (parseId("batch", id) === undefined ? jobs : batches);
  return {
    start: (tenant, id) => of(id).start(tenant, id),
    stop: (tenant, id) => of(id).stop(tenant, id),
    ended: async (tenant, id) => of(id).ended?.(tenant, id),
  };
}
