import {
  type JobId,
  KilotuneError,
  type PromptId,
  type TaskName,
  parseTunedModelName,
  type TenantId,
  type TunedModelName,
} from "@kilotune/contract";
import { audited } from "./audit.ts";
import { removeClaimed } from "./claims.ts";
import type { Page, PageQuery, Service, UnixSeconds } from "./context.ts";
import { modelNotFound } from "./errors.ts";
import { untilFresh } from "./fresh.ts";
import { CHECKPOINT_MODELS, CHECKPOINTS, MODELS, type ModelRecord } from "./kinds.ts";
import { listPage } from "./list-page.ts";
import { notePending } from "./pending.ts";
import { dropPrompt } from "./prompts.ts";
import { readQuota } from "./quota.ts";
import type { Row, Table } from "./table.ts";

/** A tuned model. Shared backbones are in `service.backbones`. */
export interface TunedModel {
  readonly name: TunedModelName;
  readonly backbone: string;
  readonly task: TaskName;
  readonly promptId: PromptId;
  readonly sizeBytes: number;
  /** null: it was imported. */
  readonly job: JobId | null;
  readonly createdAt: UnixSeconds;
}

/** What a model has that was written before models had these. */
export const ADDED_TO_MODELS: Pick<TunedModel, "task"> = { task: "classification" };

/** In order of name. Checkpoints are listed with their job. */
export function listModels(
  service: Service,
  tenant: TenantId,
  query: PageQuery = {},
): Promise<Page<TunedModel>> {
  return listPage(service, tenant, MODELS, query, { view: ({ value }) => asModel(value) });
}

/** Of a checkpoint's name as well. @throws KilotuneError `model_not_found` */
export async function getModel(service: Service, tenant: TenantId, name: string): Promise<TunedModel> {
  const row = await readModel(service, tenant, name);
  if (row === undefined) throw modelNotFound();
  return asModel(row.value);
}

/**
 * A model goes with its job's checkpoints, but for those that an alias points to; a prompt with the last that uses it.
 *
 * @throws KilotuneError `model_not_found`, `model_in_use` (an alias points to it)
 */
export async function deleteModel(service: Service, tenant: TenantId, name: string): Promise<void> {
  const { job, checkpoint } = await untilFresh(() => removeModel(service, tenant, name));
  if (checkpoint !== undefined || job === null) return;
  for await (const { value } of CHECKPOINTS.all(service, tenant, { prefix: `${job}/` }))
    await removeCheckpoint(service, tenant, value.model);
}

/** Nothing where an alias points to it, or where it is gone. Answers whether it was removed. */
export async function removeCheckpoint(service: Service, tenant: TenantId, name: string): Promise<boolean> {
  try {
    await untilFresh(() => removeModel(service, tenant, name));
    return true;
  } catch (error) {
    if (error instanceof KilotuneError && ["model_in_use", "model_not_found"].includes(error.code))
      return false;
    throw error;
  }
}

export function readModel(
  service: Service,
  tenant: TenantId,
  name: string,
): Promise<Row<ModelRecord> | undefined> {
  const known = parseTunedModelName(name);
  return known === undefined ? Promise.resolve(undefined) : tableOf(known).read(service, tenant, known);
}

export function tableOf(name: TunedModelName): Table<ModelRecord> {
  return name.includes(":ckpt-step-") ? CHECKPOINT_MODELS : MODELS;
}

async function removeModel(service: Service, tenant: TenantId, name: string): Promise<ModelRecord> {
  const row = await readModel(service, tenant, name);
  if (row === undefined) throw modelNotFound();
  const { value } = row;
  if (value.aliases.length > 0) throw inUse(value.aliases);
  await notePending(service, tenant, "sweep");
  const prompt = await dropPrompt(service, tenant, value.promptId);
  const { quota, becomes } = await readQuota(service, tenant);
  const { checkpoint } = value;
  await service.records.write(tenant, [
    tableOf(value.name).remove(row.id, row),
    ...(checkpoint === undefined ? [] : [CHECKPOINTS.remove(checkpoint, "any")]),
    ...prompt.changes,
    becomes({
      ...quota,
      prompts: quota.prompts - (checkpoint === undefined ? 1 : 0),
      storedBytes: quota.storedBytes + prompt.bytes,
    }),
    audited(service, checkpoint === undefined ? "model.deleted" : "checkpoint.deleted", value.promptId, {
      job: value.job,
    }),
  ]);
  if (prompt.gone !== null) await removeClaimed(service, tenant, prompt.gone);
  return value;
}

export function asModel({ aliases: _, checkpoint: __, ...model }: ModelRecord): TunedModel {
  return model;
}

function inUse(aliases: readonly string[]): KilotuneError {
  return new KilotuneError(
    "model_in_use",
    `The model is called through ${aliases.length === 1 ? "an alias" : `${aliases.length} aliases`}: ${aliases.join(", ")}.`,
    "Put the alias to another model, or delete it.",
  );
}
