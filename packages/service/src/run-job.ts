import type { FileId, JobId, PromptId, TenantId } from "@kilotune/contract";
import { changeJob, metered } from "./change-job.ts";
import { abandonOwn } from "./claims.ts";
import type { Service } from "./context.ts";
import { endedJob } from "./end-job.ts";
import { hasEnded, type Job, type JobError, mayBecome } from "./job.ts";
import { eventAdded, type JobEvent } from "./job-events.ts";
import { type JobRecord, MODELS, type ModelRecord, promptPath } from "./kinds.ts";
import { newUlid } from "./new-id.ts";
import { addPrompt } from "./prompts.ts";
import { nowSeconds } from "./time.ts";

/** What the worker's states call. Each may be repeated: a state that ran twice changes nothing the second time. */

/** The files are good: `validating_files` -> `queued`. Answers the job as it is then; look at its status before going on. */
export function queueJob(service: Service, tenant: TenantId, id: JobId): Promise<Job> {
  return changeJob(service, tenant, id, (now) =>
    now.status !== "validating_files"
      ? undefined
      : {
          job: { ...now, status: "queued" },
          also: [eventAdded(service, id, { level: "info", message: "The files are valid. Queued." })],
        },
  );
}

/**
 * `queued` -> `running`; also after a restart, where the job was running already: the time between isn't metered.
 * Answers the job as it is then: where it isn't `running` (cancelled, paused), stop.
 */
export function beginJob(service: Service, tenant: TenantId, id: JobId): Promise<Job> {
  return begun(service, tenant, id, service.clock.now().getTime());
}

/** As `beginJob`, on one of several machines at once: each says itself what it has spent (`Progress.spentMs`). */
export function beginTrial(service: Service, tenant: TenantId, id: JobId): Promise<Job> {
  return begun(service, tenant, id, null);
}

function begun(service: Service, tenant: TenantId, id: JobId, meteredAtMs: number | null): Promise<Job> {
  return changeJob(service, tenant, id, (now) => {
    if (now.status !== "queued" && now.status !== "running") return undefined;
    if (now.status === "running" && now.meteredAtMs === null && meteredAtMs === null) return undefined;
    const startedAt = now.startedAt ?? nowSeconds(service);
    const message = now.startedAt === null ? "The job has started." : "The job goes on.";
    return {
      job: { ...now, status: "running", startedAt, meteredAtMs },
      also: [eventAdded(service, id, { level: "info", message })],
    };
  });
}

export interface Progress {
  /** For people, e.g. "epoch 3 of 10". */
  readonly message: string;
  /** e.g. `step`, `train_loss`; finite. Makes the event one of `metrics`. */
  readonly metrics?: Readonly<Record<string, number>>;
  readonly level?: JobEvent["level"];
  readonly secondsLeft?: number;
  /** Time at work since the last report, of one of several machines; left out: since anything was metered. */
  readonly spentMs?: number;
}

/** Adds an event and meters the time since the last. Answers the job as it is then: where it isn't `running`, stop. */
export function reportProgress(
  service: Service,
  tenant: TenantId,
  id: JobId,
  { message, metrics, level = "info", secondsLeft, spentMs }: Progress,
): Promise<Job> {
  return changeJob(service, tenant, id, (now) => {
    if (now.status !== "running") return undefined;
    const estimatedFinishAt =
      secondsLeft === undefined ? now.estimatedFinishAt : nowSeconds(service) + Math.ceil(secondsLeft);
    const spent =
      spentMs === undefined
        ? metered(service, now, "running")
        : { ...now, tuningMs: now.tuningMs + Math.round(spentMs) };
    return {
      job: { ...spent, estimatedFinishAt },
      also: [eventAdded(service, id, { level, message, ...(metrics && { data: metrics }) })],
    };
  });
}

export type JobOutcome =
  | {
      readonly status: "succeeded";
      /** SHA-256 of `bytes`. */
      readonly promptId: PromptId;
      /** The prompt's file. */
      readonly bytes: Uint8Array;
      readonly trainedTokens: number;
      readonly resultFiles?: readonly FileId[];
    }
  | { readonly status: "failed"; readonly error: JobError };

/**
 * Ends the job, and publishes its model in the same write. Answers the job as it is then: where it had ended already
 * (cancelled, or ended by a repeat of this call), nothing is changed and nothing published.
 *
 * @throws KilotuneError `busy` (retryable, for 15 s at most): the same prompt is being stored or deleted this moment
 */
export async function finishJob(
  service: Service,
  tenant: TenantId,
  id: JobId,
  outcome: JobOutcome,
): Promise<Job> {
  const owner = newUlid(service);
  try {
    return await changeJob(service, tenant, id, (now) => {
      if (hasEnded(now.status) || !mayBecome(now.status, outcome.status)) return undefined;
      return outcome.status === "failed"
        ? endedJob(service, tenant, now, outcome)
        : succeeded(service, tenant, now, outcome, owner);
    });
  } finally {
    // Cancelled between the storing of the bytes and the write: they count for nothing.
    if (outcome.status === "succeeded")
      await abandonOwn(service, tenant, promptPath(outcome.promptId), owner);
  }
}

async function succeeded(
  service: Service,
  tenant: TenantId,
  job: JobRecord,
  { promptId, bytes, trainedTokens, resultFiles = [] }: JobOutcome & { readonly status: "succeeded" },
  owner: string,
) {
  const prompt = await addPrompt(service, tenant, promptId, bytes, owner);
  const model: ModelRecord = {
    name: job.reservedModel,
    backbone: job.model,
    task: job.task,
    promptId,
    sizeBytes: bytes.length,
    job: job.id,
    createdAt: nowSeconds(service),
    aliases: [],
  };
  return endedJob(service, tenant, job, {
    status: "succeeded",
    patch: { tunedModel: model.name, promptId, trainedTokens, resultFiles },
    storedBytes: prompt.bytes,
    also: [MODELS.put(model.name, model, "absent"), ...prompt.changes],
  });
}
