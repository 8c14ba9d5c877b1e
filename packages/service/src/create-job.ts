import { createHash } from "node:crypto";
import { idOf, isCodedError, type JobId, type TenantId, type TunedModelName } from "@kilotune/contract";
import { audited } from "./audit.ts";
import { asJob } from "./change-job.ts";
import type { Service } from "./context.ts";
import { invalidValue, modelNotFound } from "./errors.ts";
import { readFile } from "./files.ts";
import { ADDED_TO_JOBS, hasEnded, type Job, type JobMethod } from "./job.ts";
import { eventAdded } from "./job-events.ts";
import { checkJobRequest, type JobRequest, type JobSettings } from "./job-request.ts";
import { FILES, type FileRecord, JOBS, type JobRecord } from "./kinds.ts";
import { newLetters, newUlid } from "./new-id.ts";
import { once, type Repeat } from "./once.ts";
import { notePending } from "./pending.ts";
import { readLimits, readQuota, refuseOver, refuseWithoutHours } from "./quota.ts";
import { resolveModel } from "./resolve.ts";
import type { Row } from "./table.ts";
import { nowSeconds } from "./time.ts";

/**
 * Makes a job and starts its execution. Without an idempotency key the same request within 15 minutes is the same job,
 * as long as that one hasn't ended.
 *
 * @throws KilotuneError `model_not_found`, `not_found` (`param` names the file), `invalid_value`, `exceeded_quota`,
 * `idempotency_key_reused`
 */
export async function createJob(
  service: Service,
  tenant: TenantId,
  request: JobRequest,
  repeat: Repeat = { body: hashOf(request) },
): Promise<Job> {
  const asked = checkJobRequest(service, request);
  const settings = { ...asked, method: await withPrompt(service, tenant, asked) };
  await notePending(service, tenant, "jobs", "sweep");
  const made = await once<Job>(service, tenant, repeat, {
    isStillGood: async ({ id }) => isWaiting(await JOBS.read(service, tenant, id)),
    async make(receipt) {
      const id = idOf("job", newUlid(service));
      const training = await readRows(service, tenant, request.trainingFile, "training_file");
      const validation =
        request.validationFile === undefined
          ? null
          : await readRows(service, tenant, request.validationFile, "validation_file");
      const { quota, becomes } = await readQuota(service, tenant);
      const limits = await readLimits(service, tenant);
      const next = { ...quota, jobs: [...quota.jobs, id], prompts: quota.prompts + 1 };
      refuseWithoutHours(limits, quota);
      refuseOver(limits, next);
      const record = newJob(service, tenant, id, settings, training, validation);
      const job = asJob(record);
      await service.records.write(tenant, [
        JOBS.put(id, record, "absent"),
        becomes(next),
        ...[training, validation].filter((row) => row !== null).map((row) => readBy(row, id)),
        receipt(job),
        eventAdded(service, id, { level: "info", message: `Created the fine-tuning job ${id}.` }),
        audited(service, "job.created", id, { model: record.model, method: record.method.type }),
      ]);
      return job;
    },
  });
  // Of a repeat as well: the first may have died before this line, and starting a job twice starts it once.
  if (isWaiting(await JOBS.read(service, tenant, made.id))) await service.workflow.start(tenant, made.id);
  // A repeat may be of a job that an older version made.
  return { ...ADDED_TO_JOBS, ...made };
}

/** A model that the prompt starts from is looked up now: whatever it becomes later, the job's bytes are settled. */
async function withPrompt(
  service: Service,
  tenant: TenantId,
  { model, method, task }: JobSettings,
): Promise<JobMethod> {
  const { init, ...rest } = method;
  if (init === undefined) return rest;
  if (typeof init === "string" || "text" in init) return { ...rest, init };
  const found = await resolveModel(service, tenant, init.model, init.model).catch((error: unknown) => {
    throw isCodedError(error) && error.code === "model_not_found" ? modelNotFound("init") : error;
  });
  if (found.promptId === null || found.backbone !== model)
    throw invalidValue("init", `a model that was tuned on ${model}`, "another");
  if (service.backbones.get(model)?.input === "image" && found.task !== null && found.task !== task)
    throw invalidValue("init", `a model for ${task}`, `one for ${found.task}`);
  return { ...rest, init: { model: found.model, promptId: found.promptId } };
}

function newJob(
  service: Service,
  tenant: TenantId,
  id: JobId,
  settings: Omit<JobSettings, "method"> & Pick<Job, "method">,
  training: Row<FileRecord>,
  validation: Row<FileRecord> | null,
): JobRecord {
  const letters = tenant.slice("tn-".length);
  const name = `ft:${settings.model}:${letters}:${settings.suffix}:${newLetters(service, 8)}`;
  return {
    id,
    status: "validating_files",
    ...settings,
    trainingFile: training.value.id,
    validationFile: validation?.value.id ?? null,
    createdAt: nowSeconds(service),
    startedAt: null,
    finishedAt: null,
    estimatedFinishAt: null,
    tunedModel: null,
    promptId: null,
    resultFiles: [],
    trainedTokens: null,
    error: null,
    reservedModel: name as TunedModelName,
    tuningMs: 0,
    meteredAtMs: null,
  };
}

async function readRows(
  service: Service,
  tenant: TenantId,
  id: string,
  param: string,
): Promise<Row<FileRecord>> {
  const row = await readFile(service, tenant, id, param);
  if (row.value.purpose === "fine-tune") return row;
  throw invalidValue(param, "a file with the purpose fine-tune", row.value.purpose);
}

function readBy(row: Row<FileRecord>, job: JobId) {
  return FILES.put(row.id, { ...row.value, readers: [...row.value.readers, job] }, row);
}

function isWaiting(row: Row<JobRecord> | undefined): boolean {
  return row !== undefined && !hasEnded(row.value.status);
}

const hashOf = (request: JobRequest) =>
  createHash("sha256")
    .update(`job\n${JSON.stringify(request)}`)
    .digest("hex");
