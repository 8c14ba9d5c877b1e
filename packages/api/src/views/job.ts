import { METHOD_SHAPES, type SweptName, type SweptSettings } from "@kilotune/contract";
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
    folds: job.folds,
    ...(job.tiles && { tiles: true }),
    hyperparameters,
    method: { type: job.method.type, [job.method.type]: { hyperparameters } },
    sweep: job.sweep?.map((settings) => sweptView(settings, job.method.type)) ?? null,
    out_of_scope: job.outOfScope,
    error: job.error,
    integrations: [],
    metadata: { ...job.metadata },
    tuning_seconds: job.tuningSeconds,
    prompt_id: job.promptId,
  };
}

function hyperparametersView({
  type,
  epochs,
  tokens,
  firstLayer,
  init,
  reparam,
}: JobMethod): JobObject["hyperparameters"] {
  const shape = METHOD_SHAPES[type];
  return {
    n_epochs: epochs,
    ...(shape.size === undefined ? {} : { [shape.size]: tokens ?? "auto" }),
    ...(shape.firstLayer ? { first_layer: firstLayer ?? "auto" } : {}),
    // Not of OpenAI's: shown where they were asked for.
    ...(init === undefined
      ? {}
      : { init: typeof init === "object" && "model" in init ? { model: init.model } : init }),
    ...(reparam === undefined ? {} : { reparam }),
  };
}

/** @throws KilotuneError `invalid_request` where method and `hyperparameters` contradict each other */
export function jobRequest(body: JobCreate): JobRequest {
  const {
    model,
    task,
    training_file,
    validation_file,
    out_of_scope,
    sweep,
    seed,
    folds,
    tiles,
    suffix,
    metadata,
  } = body;
  const method = methodRequest(body);
  return {
    model,
    trainingFile: training_file,
    method,
    ...(task == null ? {} : { task }),
    ...(validation_file == null ? {} : { validationFile: validation_file }),
    ...(sweep == null ? {} : { sweep: sweep.map((settings, at) => sweptRequest(settings, at, method.type)) }),
    ...(out_of_scope == null ? {} : { outOfScope: { label: out_of_scope.label ?? null } }),
    ...(seed == null ? {} : { seed }),
    ...(folds == null ? {} : { folds }),
    ...(tiles == null ? {} : { tiles }),
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
  for (const name of ["tokens", "rank", "width", "first_layer", "init", "reparam"]) {
    if (!hyperparametersOf(type).includes(name) && name in given)
      throw badField(`hyperparameters.${name}`, `${type} has none`);
  }
  return {
    // Whoever names none and asks for nothing that is of one gets the model's default.
    ...(named === "supervised" && !asksForKv(given) ? {} : { type }),
    ...chosen("epochs", given.n_epochs),
    ...chosen("tokens", given[METHOD_SHAPES[type].size ?? "tokens"]),
    ...chosen("firstLayer", given.first_layer),
    ...(given.init === undefined || given.init === "auto" || given.init === "random"
      ? {}
      : { init: given.init as NonNullable<JobRequest["method"]["init"]> }),
    ...(given.reparam === undefined || given.reparam === "auto"
      ? {}
      : { reparam: given.reparam as NonNullable<JobMethod["reparam"]> }),
  };
}

/** Besides `n_epochs`. */
function hyperparametersOf(type: JobMethod["type"]): readonly string[] {
  const { size, firstLayer, standsForTokens } = METHOD_SHAPES[type];
  return [
    ...(size === undefined ? [] : [size]),
    ...(firstLayer ? ["first_layer"] : []),
    "init",
    ...(standsForTokens ? ["reparam"] : []),
  ];
}

/** What other defaults than kv haven't. Any of them may go on from a model. */
function asksForKv({ init, ...given }: Given): boolean {
  const isModel = typeof init === "object" && init !== null && "model" in init;
  return (init !== undefined && !isModel) || hyperparametersOf("kv").some((name) => name in given);
}

type SweptBody = NonNullable<JobCreate["sweep"]>[number];

function sweptRequest(given: SweptBody, at: number, type: JobMethod["type"] | undefined): SweptSettings {
  const wrong = type === "lora" ? "tokens" : "rank";
  // A request that names no method gets the model's default, whichever that is.
  if (given[wrong] !== undefined && (type !== undefined || given.tokens !== undefined))
    throw badField(`sweep[${at}].${wrong}`, `${type ?? "a method with tokens"} has none`);
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => [SWEPT_AS[name as keyof SweptBody], value]),
  );
}

function sweptView(settings: SweptSettings, type: JobMethod["type"]): Record<string, number> {
  const names = Object.entries(SWEPT_AS).filter(([name]) => name !== (type === "lora" ? "tokens" : "rank"));
  return Object.fromEntries(
    names.flatMap(([name, as]) => (settings[as] === undefined ? [] : [[name, settings[as]]])),
  );
}

const SWEPT_AS = {
  tokens: "tokens",
  rank: "tokens",
  first_layer: "firstLayer",
  n_epochs: "epochs",
  batch_size: "batchSize",
  prompt_learning_rate: "promptLearningRate",
  head_learning_rate: "headLearningRate",
  temperature: "temperature",
  dropout: "dropout",
} as const satisfies Record<keyof SweptBody, SweptName>;

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
