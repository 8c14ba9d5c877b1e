import {
  type CheckpointId,
  idOf,
  type JobId,
  type PromptId,
  type TenantId,
  type TunedModelName,
  ulidOf,
} from "@kilotune/contract";
import { changeJob, readJob } from "./change-job.ts";
import { abandonOwn } from "./claims.ts";
import type { Page, PageQuery, Service, UnixSeconds } from "./context.ts";
import { CHECKPOINT_MODELS, CHECKPOINTS, type JobRecord, promptPath } from "./kinds.ts";
import { listPage } from "./list-page.ts";
import { newUlid } from "./new-id.ts";
import { addPrompt } from "./prompts.ts";
import { readLimits, readQuota, refuseOver } from "./quota.ts";
import { nowSeconds } from "./time.ts";

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

export interface NewCheckpoint {
  /** From 0. */
  readonly step: number;
  readonly metrics: Readonly<Record<string, number>>;
  readonly promptId: PromptId;
  readonly bytes: Uint8Array;
}

/** The newest first. @throws KilotuneError `not_found` */
export async function listCheckpoints(
  service: Service,
  tenant: TenantId,
  job: string,
  query: PageQuery = {},
): Promise<Page<Checkpoint>> {
  const { id } = await readJob(service, tenant, job);
  return listPage(service, tenant, CHECKPOINTS, query, {
    prefix: `${id}/`,
    cursor: "checkpoint",
    newestFirst: true,
    view: ({ value }) => value,
  });
}

/**
 * Of a running job; a step that is there already is kept. undefined where the job isn't running.
 *
 * @throws KilotuneError `not_found`, `exceeded_quota`, `busy`
 */
export async function addCheckpoint(
  service: Service,
  tenant: TenantId,
  job: JobId,
  made: NewCheckpoint,
): Promise<Checkpoint | undefined> {
  let answer: Checkpoint | undefined;
  const owner = newUlid(service);
  try {
    await changeJob(service, tenant, job, async (now) => {
      answer = await checkpointThere(service, tenant, now, made.step);
      if (now.status !== "running" || answer !== undefined) return undefined;
      const adding = await added(service, tenant, now, made, owner);
      answer = adding.checkpoint;
      return { job: now, also: adding.changes };
    });
  } finally {
    await abandonOwn(service, tenant, promptPath(made.promptId), owner);
  }
  return answer;
}

async function added(service: Service, tenant: TenantId, job: JobRecord, made: NewCheckpoint, owner: string) {
  const { step, metrics, promptId, bytes } = made;
  const id = idOf("checkpoint", newUlid(service));
  const model = nameOf(job, step);
  const createdAt = nowSeconds(service);
  const checkpoint: Checkpoint = { id, createdAt, job: job.id, model, step, metrics };
  const place = `${job.id}/${ulidOf(id)}`;
  const prompt = await addPrompt(service, tenant, promptId, bytes, owner);
  const { quota, becomes } = await readQuota(service, tenant);
  const next = { ...quota, storedBytes: quota.storedBytes + prompt.bytes };
  refuseOver(await readLimits(service, tenant), next);
  const record = {
    name: model,
    backbone: job.model,
    task: job.task,
    promptId,
    sizeBytes: bytes.length,
    job: job.id,
    createdAt,
    aliases: [],
    checkpoint: place,
  };
  return {
    checkpoint,
    changes: [
      CHECKPOINTS.put(place, checkpoint, "absent"),
      CHECKPOINT_MODELS.put(model, record, "absent"),
      becomes(next),
      ...prompt.changes,
    ],
  };
}

async function checkpointThere(service: Service, tenant: TenantId, job: JobRecord, step: number) {
  const row = await CHECKPOINT_MODELS.read(service, tenant, nameOf(job, step));
  const place = row?.value.checkpoint;
  return place === undefined ? undefined : (await CHECKPOINTS.read(service, tenant, place))?.value;
}

function nameOf({ reservedModel }: JobRecord, step: number): TunedModelName {
  return `${reservedModel}:ckpt-step-${step}` as TunedModelName;
}
