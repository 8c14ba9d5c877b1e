import type { CheckpointId, JobId, PromptId, TenantId, TunedModelName } from "@kilotune/contract";
import type { Page, PageQuery, Service, UnixSeconds } from "./context.ts";
import { todo } from "./todo.ts";

export interface Checkpoint {
  readonly id: CheckpointId;
  readonly createdAt: UnixSeconds;
  readonly job: JobId;
  /** A model's name: the checkpoint can be called, and an alias may point to it. */
  readonly model: TunedModelName;
  readonly step: number;
  /** e.g. `train_loss`, `valid_loss`. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** The newest first. @throws KilotuneError `not_found` */
export function listCheckpoints(
  service: Service,
  tenant: TenantId,
  job: string,
  query?: PageQuery,
): Promise<Page<Checkpoint>> {
  return todo(service, tenant, job, query);
}

/** Of a running job; a step that is there already is kept. undefined where the job isn't running. */
export function addCheckpoint(
  service: Service,
  tenant: TenantId,
  job: JobId,
  checkpoint: {
    readonly step: number;
    readonly metrics: Readonly<Record<string, number>>;
    readonly promptId: PromptId;
    readonly bytes: Uint8Array;
  },
): Promise<Checkpoint | undefined> {
  return todo(service, tenant, job, checkpoint);
}
