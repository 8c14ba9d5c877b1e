import {
  badField,
  type CheckpointObject,
  type JobCreate,
  type JobEventObject,
  type JobObject,
} from "@kilotune/contract/wire";
import type { Checkpoint, Job, JobEvent, JobMethod, JobRequest } from "@kilotune/service";

export function jobView(job: Job, tenant: string): JobObject {
  const hyperparameters = hyperparametersView(job.method);
  return {
    id: job.id,
    object: "fine_tuning.job",
    created_at: job.createdAt,
    finished_at: job.finishedAt,
    estimated_finish: job.estimatedFinishAt,
    model: job.model,
    task: job.task,
    fine_tuned_model: job.tunedModel,
    organization_id: tenant,
    status: job.status,
    training_file: job.trainingFile,
    validation_file: job.validationFile,
    result_files: [...job.resultFiles],
    trained_tokens: job.trainedTokens,
    seed: job.seed,
    hyperparameters,
    method: { type: job.method.type, [job.method.type]: { hyperparameters } },
    error: job.error,
    integrations: [],
    metadata: { ...job.metadata },
    tuning_seconds: job.tuningSeconds,
    prompt_id: job.promptId,
  };
}

function hyperparametersView({ type, epochs, tokens, firstLayer }: JobMethod): JobObject["hyperparameters"] {
  return {
    n_epochs: epochs,
    ...(type === "head" || type === "channels"
      ? {}
      : { [type === "lora" ? "rank" : "tokens"]: tokens ?? "auto" }),
    ...(HYPERPARAMETERS[type].includes("first_layer") ? { first_layer: firstLayer ?? "auto" } : {}),
  };
}

/** @throws KilotuneError `invalid_request` where method and `hyperparameters` contradict each other */
export function jobRequest(body: JobCreate): JobRequest {
  const { model, task, training_file, validation_file, seed, suffix, metadata } = body;
  return {
    model,
    trainingFile: training_file,
    method: methodRequest(body),
    ...(task == null ? {} : { task }),
    ...(validation_file == null ? {} : { validationFile: validation_file }),
    ...(seed == null ? {} : { seed }),
    ...(suffix == null ? {} : { suffix }),
    ...(metadata == null ? {} : { metadata }),
  };
}

type Given = Readonly<Record<string, unknown>>;

function methodRequest({ method, hyperparameters }: JobCreate): JobRequest["method"] {
  const named = method?.type ?? "supervised";
  const inside = (method as Readonly<Record<string, { hyperparameters?: Given }>> | null | undefined)?.[
    named
  ];
  if (inside?.hyperparameters && hyperparameters) {
    throw badField("hyperparameters", "the method has them already");
  }
  const given: Given = inside?.hyperparameters ?? hyperparameters ?? {};
  const type = named === "supervised" ? "kv" : named;
  for (const name of ["tokens", "rank", "first_layer"]) {
    if (!HYPERPARAMETERS[type].includes(name) && name in given)
      throw badField(`hyperparameters.${name}`, `${type} has none`);
  }
  return {
    // Whoever names none and asks for nothing that is of one gets the model's default.
    ...(named === "supervised" && !("tokens" in given || "first_layer" in given) ? {} : { type }),
    ...chosen("epochs", given.n_epochs),
    ...chosen("tokens", type === "lora" ? given.rank : given.tokens),
    ...chosen("firstLayer", given.first_layer),
  };
}

const HYPERPARAMETERS: Readonly<Record<JobMethod["type"], readonly string[]>> = {
  kv: ["tokens", "first_layer"],
  soft: ["tokens"],
  deep: ["tokens", "first_layer"],
  lora: ["rank", "first_layer"],
  channels: [],
  head: [],
};

/** "auto" is what leaving out means. */
function chosen<Name extends string>(name: Name, value: unknown): { [name in Name]?: number } {
  return typeof value === "number" ? ({ [name]: value } as { [name in Name]: number }) : {};
}

export function jobEventView({ id, createdAt, level, message, type, data }: JobEvent): JobEventObject {
  return {
    id,
    object: "fine_tuning.job.event",
    created_at: createdAt,
    level,
    message,
    type,
    data: { ...data },
  };
}

export function checkpointView({ id, createdAt, job, model, step, metrics }: Checkpoint): CheckpointObject {
  return {
    id,
    object: "fine_tuning.job.checkpoint",
    created_at: createdAt,
    fine_tuning_job_id: job,
    fine_tuned_model_checkpoint: model,
    step_number: step,
    metrics: { ...metrics },
  };
}
