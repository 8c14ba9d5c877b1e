import { METHOD_SHAPES, methodsFor, type SweptSettings, type TaskName } from "@kilotune/contract";
import { methodsOf, type Service } from "./context.ts";
import { invalidValue, modelNotFound } from "./errors.ts";
import type { JobInit, JobMethod, JobScope } from "./job.ts";

export interface JobRequest {
  /** A backbone's id. */
  readonly model: string;
  /** Default classification; one of the backbone's. */
  readonly task?: TaskName;
  readonly trainingFile: string;
  readonly validationFile?: string;
  /** Left out in part or whole: the default of the model and the task. */
  readonly method: RequestedMethod;
  /** Of texts with one label each. */
  readonly outOfScope?: JobScope;
  /** 2 to 16 candidates, all different, within SWEPT's limits. */
  readonly sweep?: readonly SweptSettings[];
  /** 0 .. 4,294,967,295, default 0. */
  readonly seed?: number;
  /** Cross-validation besides, in 2 to 20 folds; of a sweep what its candidates are measured by. */
  readonly folds?: number;
  /** Of segmentation and detection: large images in tiles. Default false. */
  readonly tiles?: boolean;
  /** Ends up in the model's name: letters, digits, `.`, `_`, `-`, at most 64. */
  readonly suffix?: string;
  /** At most 16 pairs, keys of 64 and values of 512 characters. */
  readonly metadata?: Readonly<Record<string, string>>;
}

export type RequestedMethod = Partial<Omit<JobMethod, "init">> & { readonly init?: RequestedInit };

/** A model or alias of the tenant's, in place of its prompt. */
export type RequestedInit = Exclude<JobInit, { readonly model: string }> | { readonly model: string };

/** Everything that can be said of a request without looking at what the tenant has. */
export interface JobSettings {
  readonly model: string;
  readonly task: TaskName;
  readonly method: Omit<JobMethod, "init"> & Pick<RequestedMethod, "init">;
  readonly outOfScope: JobScope | null;
  readonly sweep: readonly SweptSettings[] | null;
  readonly seed: number;
  readonly folds: number | null;
  readonly tiles: boolean;
  readonly suffix: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** @throws KilotuneError `model_not_found`, `invalid_value` */
export function checkJobRequest(service: Service, request: JobRequest): JobSettings {
  const {
    model,
    task = "classification",
    method,
    outOfScope = null,
    sweep = null,
    seed = 0,
    folds = null,
    tiles = false,
    suffix = "",
    metadata = {},
  } = request;
  const backbone = service.backbones.get(model);
  if (backbone === undefined) throw modelNotFound();
  const { tasks = ["classification"] } = backbone;
  if (!tasks.includes(task))
    throw invalidValue("task", `what ${model} can be tuned for (${tasks.join(", ")})`, task);
  if (request.validationFile === request.trainingFile)
    throw invalidValue("validation_file", "another file than training_file", "the same");
  if (!/^[A-Za-z0-9._-]{0,64}$/.test(suffix))
    throw invalidValue("suffix", "at most 64 letters, digits, `.`, `_` or `-`", "others");
  checkWhole("seed", seed, 0, 2 ** 32 - 1);
  if (tiles && task !== "segmentation" && task !== "detection")
    throw invalidValue("tiles", "none but for segmentation and detection", `some for ${task}`);
  if (folds !== null) checkWhole("folds", folds, 2, 20);
  checkMetadata(metadata);
  const methods = methodsFor(task, methodsOf(backbone));
  const [type = "head"] = methods;
  const checked = checkedMethod({ type, ...method }, backbone.layers);
  if (!methods.includes(checked.type))
    throw invalidValue(
      "method.type",
      `what ${model} can be tuned by for ${task} (${methods.join(", ")})`,
      checked.type,
    );
  if (outOfScope !== null && (task !== "classification" || backbone.input === "image"))
    throw invalidValue("out_of_scope", "none but of texts with one label each", "some");
  const { init, reparam } = checked;
  if (reparam !== undefined && backbone.input === "image")
    throw invalidValue("reparam", "none with a model of images", "one");
  if (init !== undefined) checkInit(init, task, checked.type, backbone.input === "image");
  if (sweep !== null) checkSweep(sweep, checked.type, backbone.layers);
  if (sweep !== null && folds !== null && request.validationFile !== undefined)
    throw invalidValue("folds", "none beside a sweep with a validation_file, whose rows measure it", "some");
  return { model, task, method: checked, outOfScope, sweep, seed, folds, tiles, suffix, metadata };
}

function checkedMethod(
  method: RequestedMethod & Pick<JobMethod, "type">,
  layers: number,
): JobSettings["method"] {
  const { type, epochs = "auto", tokens = null, firstLayer = null, init, reparam } = method;
  if (epochs !== "auto") checkWhole("n_epochs", epochs, 1, 200);
  checkPlace({ tokens, firstLayer }, type, layers);
  if (reparam !== undefined && !METHOD_SHAPES[type].standsForTokens)
    throw invalidValue("reparam", `none with method ${type}`, "one");
  return { type, epochs, tokens, firstLayer, ...(init && { init }), ...(reparam && { reparam }) };
}

/** Labels' names are of tasks with labels, rows of a label of those with a label for each row. */
function checkInit(init: RequestedInit, task: TaskName, type: JobMethod["type"], isOfImages: boolean): void {
  if (typeof init === "object" && "model" in init) {
    // A linear head is fitted to its end, wherever it begins.
    if (type !== "head" || task === "segmentation" || task === "detection") return;
    throw invalidValue("init", `none with method ${type} for ${task}`, "one");
  }
  if (isOfImages) throw invalidValue("init", "another model, with a model of images", "words");
  if (!METHOD_SHAPES[type].standsForTokens)
    throw invalidValue("init", `another model, or none, with method ${type}`, "words");
  const ofLabels: readonly TaskName[] = ["classification", "multi_label"];
  if (init === "examples" && !ofLabels.includes(task))
    throw invalidValue("init", "a task whose rows have labels for examples", task);
  if (init === "labels" && ![...ofLabels, "tagging"].includes(task))
    throw invalidValue("init", "a task with labels for labels", task);
}

function checkSweep(sweep: readonly SweptSettings[], type: JobMethod["type"], layers: number): void {
  if (type === "head") throw invalidValue("sweep", "a method that learns a prompt", type);
  if (new Set(sweep.map((each) => JSON.stringify(Object.entries(each).toSorted()))).size < sweep.length)
    throw invalidValue("sweep", "candidates that are all different", "one twice");
  for (const [at, settings] of sweep.entries()) {
    const { tokens = null, firstLayer = null } = settings;
    checkPlace({ tokens, firstLayer }, type, layers, `sweep[${at}].`);
  }
}

/** @param at in front of a field's name */
function checkPlace(
  { tokens, firstLayer }: Pick<JobMethod, "tokens" | "firstLayer">,
  type: JobMethod["type"],
  layers: number,
  at = "",
): void {
  const shape = METHOD_SHAPES[type];
  if (tokens !== null && shape.size === undefined)
    throw invalidValue(`${at}tokens`, `none with method ${type}`, "some");
  if (tokens !== null) checkWhole(`${at}tokens`, tokens, 1, 128);
  if (firstLayer !== null && !shape.firstLayer)
    throw invalidValue(`${at}first_layer`, `none with method ${type}`, "one");
  if (firstLayer !== null) checkWhole(`${at}first_layer`, firstLayer, 0, layers - 1);
}

export function checkMetadata(metadata: Readonly<Record<string, string>>): void {
  const pairs = Object.entries(metadata);
  const longest = Math.max(0, ...pairs.map(([key]) => key.length));
  if (pairs.length > 16) throw invalidValue("metadata", "at most 16 pairs", String(pairs.length));
  if (longest > 64 || pairs.some(([, text]) => text.length > 512))
    throw invalidValue("metadata", "keys of at most 64 and values of at most 512 characters", "longer ones");
}

function checkWhole(param: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most)
    throw invalidValue(param, `a whole number from ${least} to ${most.toLocaleString("en")}`, String(value));
}
