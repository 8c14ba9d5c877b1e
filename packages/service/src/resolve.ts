import type { PromptId, TenantId } from "@kilotune/contract";
import type { Service } from "./context.ts";
import { todo } from "./todo.ts";

/** What a request's `model` stands for. */
export interface Resolved {
  /** The backbone's id or the tuned model's name: what is metered and answered. */
  readonly model: string;
  readonly backbone: string;
  /** null: the backbone alone. */
  readonly promptId: PromptId | null;
}

/**
 * A backbone, a tuned model, a checkpoint or an alias. Nothing is cached: a request that begins after an alias was put
 * sees it. `requestKey`: the same key gets the same side of a canary; anything that names the request or its user.
 *
 * @throws KilotuneError `model_not_found`
 */
export function resolveModel(
  service: Service,
  tenant: TenantId,
  name: string,
  requestKey: string,
): Promise<Resolved> {
  return todo(service, tenant, name, requestKey);
}
