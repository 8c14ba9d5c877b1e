import type { TenantId } from "@kilotune/contract";
import type { Page, PageQuery, Service } from "./context.ts";
import type { Job, JobMethod } from "./job.ts";
import type { Repeat } from "./once.ts";
import { todo } from "./todo.ts";

export interface JobRequest {
  /** A backbone's id. */
  readonly model: string;
  readonly trainingFile: string;
  readonly validationFile?: string;
  readonly method: Partial<JobMethod> & Pick<JobMethod, "type">;
  /** 0 .. 4,294,967,295, default 0. */
  readonly seed?: number;
  /** Ends up in the model's name: letters, digits, `.`, `_`, `-`, at most 64. */
  readonly suffix?: string;
  /** At most 16 pairs, keys of 64 and values of 512 characters. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * Makes a job and starts its execution. Without an idempotency key the same body within 15 minutes is the same job,
 * as long as that one hasn't ended.
 *
 * @throws KilotuneError `model_not_found`, `not_found` (`param` names the file), `invalid_value`, `exceeded_quota`,
 * `idempotency_key_reused`
 */
export function createJob(
  service: Service,
  tenant: TenantId,
  request: JobRequest,
  repeat?: Repeat,
): Promise<Job> {
  return todo(service, tenant, request, repeat);
}

/** @throws KilotuneError `not_found` */
export function getJob(service: Service, tenant: TenantId, id: string): Promise<Job> {
  return todo(service, tenant, id);
}

/** The newest first. `metadata`: those with all these pairs. */
export function listJobs(
  service: Service,
  tenant: TenantId,
  query?: PageQuery & { readonly metadata?: Readonly<Record<string, string>> },
): Promise<Page<Job>> {
  return todo(service, tenant, query);
}
