import type { Service } from "./context.ts";
import { todo } from "./todo.ts";

/**
 * Sends every event that is due, of all tenants, once: `fine_tuning.job.succeeded|failed|cancelled`, signed in
 * Standard Webhooks form. What fails comes due again later, 9 times over 3 days. Call it every few seconds; calls may overlap.
 */
export function deliverEvents(
  service: Service,
  fetch: typeof globalThis.fetch,
): Promise<{ readonly delivered: number; readonly failed: number }> {
  return todo(service, fetch);
}
