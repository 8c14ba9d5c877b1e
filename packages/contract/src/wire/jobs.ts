import { z } from "zod";
import { SWEPT, type SweptName } from "../sweep.ts";
import { TASKS } from "../task.ts";
import { PageQuery, pageOf } from "./page.ts";
import { Count, GivenId, Id, Metadata, ModelName, Suffix, UnixSeconds } from "./values.ts";

/**
 * Strict at every level: a misspelt `n_epochs` would otherwise tune with the default and say nothing. "auto" is what
 * leaving a field out means.
 */
const Hyperparameters = z.strictObject({
  n_epochs: auto(z.int().min(1).max(200)),
  /** OpenAI's clients name them; the job finds them itself, so any other value is refused rather than ignored. */
  batch_size: z.literal("auto").optional(),
  learning_rate_multiplier: z.literal("auto").optional(),
});

const InitModel = z.strictObject({ model: ModelName }).meta({
  description:
    "Another tuned model of the same backbone, method and shape; of images of the same task, and where the labels are the same, its head is gone on with",
});

export const PromptInit = z
  .union([
    z.enum(["random", "vocabulary", "labels", "examples"]),
    z.strictObject({
      // It travels in the prompt's receipt, which is UTF-8.
      text: z
        .string()
        .min(1)
        .max(2000)
        .refine((text) => text.isWellFormed(), "expected well-formed Unicode"),
    }),
    InitModel,
  ])
  .meta({
    id: "PromptInit",
    description:
      "What a prompt's numbers start as. Of texts: tokens drawn from the vocabulary, the labels' names, each label's rows, a text, whose length the prompt then has. Of texts and images: another tuned model of the same backbone, method and shape",
  });
export type PromptInit = z.infer<typeof PromptInit>;

export const Reparam = z
  .discriminatedUnion("type", [
    z.strictObject({ type: z.literal("low_rank"), rank: z.int().min(1).max(128) }),
    z.strictObject({ type: z.literal("mlp"), width: z.int().min(1).max(1024) }),
  ])
  .meta({
    id: "Reparam",
    description: "What a text prompt is learnt through; the model holds what comes of it",
  });
export type Reparam = z.infer<typeof Reparam>;

/** Only another model: the words are of what stands for tokens. */
const HeadHyperparameters = Hyperparameters.extend({ init: auto(InitModel) });

const TokenHyperparameters = Hyperparameters.extend({
  tokens: auto(z.int().min(1).max(128)).meta({ description: "Virtual tokens" }),
  init: auto(PromptInit),
  reparam: auto(Reparam),
});

const PrefixHyperparameters = TokenHyperparameters.extend({
  first_layer: auto(z.int().min(0).max(1000)).meta({ description: "Layers below it have no prefix" }),
});

const BiasHyperparameters = HeadHyperparameters.extend({
  first_layer: auto(z.int().min(0).max(1000)).meta({ description: "Layers below it have none" }),
});

const LoraHyperparameters = BiasHyperparameters.extend({
  rank: auto(z.int().min(1).max(128)).meta({ description: "Of the products added to queries and values" }),
});

const ChannelsHyperparameters = HeadHyperparameters.extend({
  first_layer: auto(z.int().min(0).max(1000)).meta({ description: "Stages below it are left alone" }),
});

const BorderHyperparameters = HeadHyperparameters.extend({
  width: auto(z.int().min(1).max(128)).meta({ description: "Of the border, in pixels" }),
});

function auto<Value extends z.ZodType>(value: Value) {
  return z.union([z.literal("auto"), value]).optional();
}

/** `supervised` is what OpenAI's clients say by habit: it means the default. */
export const Method = z
  .discriminatedUnion("type", [
    z.strictObject({
      type: z.literal("kv"),
      kv: z.strictObject({ hyperparameters: PrefixHyperparameters.optional() }).optional(),
    }),
    z.strictObject({
      type: z.literal("soft"),
      soft: z.strictObject({ hyperparameters: TokenHyperparameters.optional() }).optional(),
    }),
    z.strictObject({
      type: z.literal("deep"),
      deep: z.strictObject({ hyperparameters: PrefixHyperparameters.optional() }).optional(),
    }),
    z.strictObject({
      type: z.literal("lora"),
      lora: z.strictObject({ hyperparameters: LoraHyperparameters.optional() }).optional(),
    }),
    z.strictObject({
      type: z.literal("bias"),
      bias: z.strictObject({ hyperparameters: BiasHyperparameters.optional() }).optional(),
    }),
    z.strictObject({
      type: z.literal("channels"),
      channels: z.strictObject({ hyperparameters: ChannelsHyperparameters.optional() }).optional(),
    }),
    z.strictObject({
      type: z.literal("border"),
      border: z.strictObject({ hyperparameters: BorderHyperparameters.optional() }).optional(),
    }),
    z.strictObject({
      type: z.literal("head"),
      head: z.strictObject({ hyperparameters: HeadHyperparameters.optional() }).optional(),
    }),
    z.strictObject({
      type: z.literal("supervised"),
      supervised: z.strictObject({ hyperparameters: PrefixHyperparameters.optional() }).optional(),
    }),
  ])
  .meta({
    id: "Method",
    description:
      "kv: key/value prefixes (default of texts, but those to be found). soft: soft input tokens. deep: tokens replaced at each layer (VPT-deep), served as the keys and values that they are. lora: low-rank products on queries and values (default of images, and of texts that are to be found). bias: numbers added to biases, of texts. channels: a scale and a shift of channels, of a convolutional graph. border: numbers along the edges of its images. head: a linear head alone",
  });
export type Method = z.infer<typeof Method>;

export const Task = z.enum(TASKS);

/** As long as a label of a row may be. */
const Label = z.string().min(1).max(200);

const OutOfScope = z.strictObject({ label: Label.nullish() }).meta({
  id: "OutOfScope",
  description:
    "The model says what is none of its labels'. Rows of `label` are of none: they choose the threshold, and no class learns from them. Without a label held-out rows alone choose it. Of texts with one label each",
});

/** One candidate: the settings in which it differs from the job's own. */
const SweptSettings = z
  .strictObject({
    tokens: swept("tokens").meta({ description: "Virtual tokens of kv, soft and deep" }),
    rank: swept("tokens").meta({ description: "Of lora" }),
    first_layer: swept("firstLayer"),
    n_epochs: swept("epochs"),
    batch_size: swept("batchSize"),
    prompt_learning_rate: swept("promptLearningRate"),
    head_learning_rate: swept("headLearningRate"),
    temperature: swept("temperature").meta({ description: "Of the cosines that a head begins with" }),
    dropout: swept("dropout"),
  })
  .meta({ id: "SweptSettings" });

function swept(name: SweptName) {
  const { whole, least, most } = SWEPT[name];
  return (whole ? z.int() : z.number()).min(least).max(most).optional();
}

/** Of a job's cross-validation: each is a job of its own. */
const MAX_FOLDS = 20;

export const JobCreate = z
  .strictObject({
    model: ModelName,
    task: Task.nullish().meta({
      description: "What the model is to do; default classification. A backbone's `tasks` say what it can",
    }),
    training_file: GivenId,
    validation_file: GivenId.nullish(),
    method: Method.nullish(),
    /** OpenAI's older place for them. */
    hyperparameters: PrefixHyperparameters.nullish(),
    out_of_scope: OutOfScope.nullish(),
    sweep: z.array(SweptSettings).min(2).max(16).nullish().meta({
      description:
        "Candidates that are tried on held-out rows (with `folds` on each fold), side by side; the best of them tunes the model. {} is the job as it stands",
    }),
    tiles: z.boolean().nullish().meta({
      description:
        "Of segmentation and detection: images larger than the backbone's are looked at in overlapping tiles",
    }),
    folds: z.int().min(2).max(MAX_FOLDS).nullish().meta({
      description:
        "Cross-validation besides, in so many folds of the training file: the report tells each fold's figures, the model stays the same, the job takes as many times as long. Of a sweep, in place of a validation file: each candidate is measured on all folds",
    }),
    suffix: Suffix.nullish(),
    seed: z.int().min(0).max(4_294_967_295).nullish(),
    metadata: Metadata.nullish(),
    /** Named by OpenAI's client; only "none" is served, so that nobody waits for a run that we never report. */
    integrations: z.array(z.unknown()).max(0, "integrations aren't served").nullish(),
  })
  .meta({ id: "FineTuningJobCreate" });
export type JobCreate = z.infer<typeof JobCreate>;

export const JobStatus = z.enum([
  "validating_files",
  "queued",
  "running",
  "paused",
  "succeeded",
  "failed",
  "cancelled",
]);
export type JobStatus = z.infer<typeof JobStatus>;

export const JobObject = z
  .object({
    id: Id,
    object: z.literal("fine_tuning.job"),
    created_at: UnixSeconds,
    finished_at: UnixSeconds.nullable(),
    estimated_finish: UnixSeconds.nullable(),
    model: z.string(),
    task: Task,
    fine_tuned_model: z.string().nullable(),
    organization_id: Id,
    status: JobStatus,
    training_file: Id,
    validation_file: Id.nullable(),
    result_files: z.array(Id),
    trained_tokens: Count.nullable(),
    seed: Count,
    tiles: z.boolean().optional(),
    folds: Count.nullable().meta({
      description:
        "Of its cross-validation, or of what its sweep was measured by; null where none was asked for",
    }),
    hyperparameters: z.record(z.string(), z.union([z.literal("auto"), z.number(), PromptInit, Reparam])),
    method: z.looseObject({ type: z.string() }),
    out_of_scope: z.object({ label: z.string().nullable() }).nullable(),
    sweep: z.array(z.record(z.string(), z.number())).nullable(),
    error: z.object({ code: z.string(), message: z.string(), param: z.string().nullable() }).nullable(),
    integrations: z.array(z.unknown()).max(0),
    metadata: z.record(z.string(), z.string()),
    tuning_seconds: z.number().meta({ description: "Time at work, as metered" }),
    prompt_id: z.string().nullable().meta({ description: "Of the tuned model's file: its SHA-256" }),
  })
  .meta({ id: "FineTuningJob" });
export type JobObject = z.infer<typeof JobObject>;

export const JobEventObject = z
  .object({
    id: Id,
    object: z.literal("fine_tuning.job.event"),
    created_at: UnixSeconds,
    level: z.enum(["info", "warn", "error"]),
    message: z.string(),
    type: z.enum(["message", "metrics"]),
    data: z.record(z.string(), z.number()),
  })
  .meta({ id: "FineTuningJobEvent" });
export type JobEventObject = z.infer<typeof JobEventObject>;

export const CheckpointObject = z
  .object({
    id: Id,
    object: z.literal("fine_tuning.job.checkpoint"),
    created_at: UnixSeconds,
    fine_tuning_job_id: Id,
    fine_tuned_model_checkpoint: z.string(),
    step_number: Count,
    metrics: z.record(z.string(), z.number()),
  })
  .meta({ id: "FineTuningCheckpoint" });
export type CheckpointObject = z.infer<typeof CheckpointObject>;

export const JobPage = pageOf(JobObject).meta({ id: "FineTuningJobPage" });
export const JobEventPage = pageOf(JobEventObject).meta({ id: "FineTuningJobEventPage" });
export const CheckpointPage = pageOf(CheckpointObject).meta({ id: "FineTuningCheckpointPage" });

const METADATA_FILTER = /^metadata\[(.{1,64})\]$/;

/** `metadata[key]=value` keeps the jobs with that pair; further pairs must hold as well. */
export const JobListQuery = z
  .object(PageQuery.shape)
  .catchall(z.string().max(512))
  .refine(
    (query) => Object.keys(query).every((key) => key in PageQuery.shape || METADATA_FILTER.test(key)),
    "takes `after`, `limit` and `metadata[key]` alone",
  );

/** The pairs of a query's `metadata[key]=value`. */
export function metadataFilter(query: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(query).flatMap(([name, value]) => {
      const key = METADATA_FILTER.exec(name)?.[1];
      return key === undefined ? [] : [[key, String(value)]];
    }),
  );
}
