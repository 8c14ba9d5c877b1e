import type { JobId, PromptId, TenantId, TunedModelName } from "@kilotune/contract";
import type { Page, PageQuery, Service, UnixSeconds } from "./context.ts";
import { todo } from "./todo.ts";

/** A tuned model. Shared backbones are in `service.backbones`. */
export interface TunedModel {
  readonly name: TunedModelName;
  readonly backbone: string;
  readonly promptId: PromptId;
  readonly sizeBytes: number;
  readonly job: JobId;
  readonly createdAt: UnixSeconds;
}

/** In order of name. Checkpoints are listed with their job. */
export function listModels(service: Service, tenant: TenantId, query?: PageQuery): Promise<Page<TunedModel>> {
  return todo(service, tenant, query);
}

/** Of a checkpoint's name as well. @throws KilotuneError `model_not_found` */
export function getModel(service: Service, tenant: TenantId, name: string): Promise<TunedModel> {
  return todo(service, tenant, name);
}

/** Its prompt goes with the last model that uses it. @throws KilotuneError `model_not_found`, `model_in_use` (an alias points to it) */
export function deleteModel(service: Service, tenant: TenantId, name: string): Promise<void> {
  return todo(service, tenant, name);
}

/** By the prompt's id; of the tenant's own alone. @throws KilotuneError `not_found` */
export function openPrompt(
  service: Service,
  tenant: TenantId,
  promptId: string,
): Promise<{ readonly size: number; readonly chunks: AsyncIterable<Uint8Array> }> {
  return todo(service, tenant, promptId);
}
