import type { Service } from "./context.ts";
import { todo } from "./todo.ts";

export interface Erased {
  readonly records: number;
  readonly blobs: number;
}

/**
 * Stops the tenant's jobs and removes all its records and blobs; the platform's audit log keeps id and counts. From the
 * first moment its keys are refused. Interrupted, it goes on when called again, or with the next `sweep`.
 *
 * @throws KilotuneError `not_found`
 */
export function eraseTenant(service: Service, id: string): Promise<Erased> {
  return todo(service, id);
}
