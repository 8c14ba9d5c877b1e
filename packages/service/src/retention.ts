import type { Service } from "./context.ts";
import { todo } from "./todo.ts";

/**
 * Removes what has had its time: expired files, checkpoints of jobs long ended, what interrupted uploads and deletions
 * left, tenants whose erasure was interrupted. At start-up and then every hour. Answers what was removed.
 */
export function sweep(
  service: Service,
): Promise<{ readonly files: number; readonly checkpoints: number; readonly blobs: number }> {
  return todo(service);
}
