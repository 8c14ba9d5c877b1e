import {
  type Backbone,
  defaultFirstLayer,
  methodsOfBackbone,
  promptableLayers,
  type VisionBackbone,
} from "@kilotune/backbone";
import {
  METHOD_SHAPES,
  METHODS,
  METHODS_OF,
  type MethodName,
  type MethodShape,
  methodsFor,
  type TaskName,
} from "@kilotune/contract";
import type { TextTask } from "@kilotune/dataset";
import { renderReport } from "@kilotune/report";
import {
  fileSource,
  type ImageJob,
  type ImageRows,
  imagesAt,
  type TextJob,
  type TuneJob,
} from "@kilotune/worker";
import { assertStartsAsData } from "../check-data.ts";
import { defineCommand } from "../command.ts";
import { assertReadable } from "../input-file.ts";
import {
  EPOCHS_FLAG,
  FOLDS_FLAG,
  IMAGE_FOLDER_FLAG,
  OUTPUT_FLAGS,
  OUTSIDE_FLAGS,
  outsideAsked,
  SHOTS_FLAG,
  TEST_FLAG,
} from "../job-flags.ts";
import { prepareOutput, writeWhole } from "../output-file.ts";
import { methodOfInit, PROMPT_FLAGS, readInit, readReparam } from "../prompt-init.ts";
import { summaryWords, tuneResult, tuneWithProgress } from "../run-job.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { isTextTask, recogniseRows, TEXT_TASKS, type TextTaskFlag } from "../text-task.ts";
import { usageError } from "../usage-error.ts";
import { openBackbone, openVision, precisionFlag } from "../with-backbone.ts";

export const tune = defineCommand({
  summary: "Learn a prompt from labelled sentences, and say honestly whether it paid",
  details:
    "Compares with four baselines on held-out rows and publishes what is better. Same files, flags and seed: same bytes.\n" +
    "Ctrl-C leaves a checkpoint beside --out, and --resume goes on from it.\n\n" +
    "Methods; sizes are of minilm-l6, besides 0.8 KB a label for the head:\n" +
    "kv        key/value prefixes in the upper half of the layers: the default for texts, 37 KB\n" +
    "soft      virtual tokens in front of the text: the smallest, 6 KB; every layer learns, so it takes several times as long\n" +
    "deep      virtual tokens replaced at each of those layers (VPT-deep), published as the prefixes that they are: 37 KB\n" +
    "lora      low-rank products on queries and values, in the same layers: 74 KB; the default for images\n" +
    "bias      numbers added to the biases of the same layers (BitFit), of texts: 17 KB\n" +
    "channels  of an exported convolutional graph, such as a detector: scale and shift of its channels\n" +
    "border    of any exported graph of images: numbers along the edges of what it is fed\n" +
    "head      no prompt: a linear head on the frozen backbone, in seconds\n" +
    "Which pays is a question of the rows: `kilotune compare` measures them side by side.",
  positionals: {
    train: {
      value: "TRAIN",
      count: "one",
      about:
        'JSONL of {"text", "label"}, with "labels" for several, with "text_pair" for pairs, or CSV with a header; of images JSONL of {"image", "label" | "labels" | "mask" | "objects"}, COCO\'s JSON, a zip; of boxes YOLO\'s data.yaml or its folder',
    },
  },
  flags: {
    validation: {
      kind: "text",
      value: "FILE",
      about: "Rows that choose epochs and verdict; else a part of TRAIN",
    },
    ...TEST_FLAG,
    task: {
      kind: "choice",
      of: ["classify", "segment", "detect", "multi-label", "regress", "retrieve", "tag"],
      about: "classify, segment, detect: TRAIN is of images; else what its first row says",
    },
    backbone: {
      kind: "text",
      value: "ID|FOLDER",
      about: "The frozen model; minilm-l6 else, of images vit-s14-saliency",
    },
    precision: { ...precisionFlag, about: `The model's; ${precisionFlag.about}`, default: "fp32" },
    method: {
      kind: "choice",
      of: METHODS,
      about: "What is learnt, see above; kv else, to retrieve and of images lora, of graphs channels",
    },
    tokens: {
      kind: "integer",
      value: "N",
      min: 1,
      max: 128,
      about: "Virtual tokens, of border its width in pixels; the method's default else",
    },
    rank: { kind: "integer", value: "N", min: 1, max: 128, about: "Of lora; 8 else" },
    "first-layer": {
      kind: "integer",
      value: "N",
      min: 0,
      max: 999,
      about:
        "First prompted layer of kv, deep, lora and bias, first stage of channels; the task's own choice else",
    },
    ...PROMPT_FLAGS,
    ...OUTSIDE_FLAGS,
    tiles: {
      kind: "switch",
      about: "Images larger than the backbone's are looked at in overlapping tiles, at their own size",
    },
    ...IMAGE_FOLDER_FLAG,
    ...SHOTS_FLAG,
    ...EPOCHS_FLAG,
    "with-full-tuning": {
      kind: "switch",
      about: "Full fine-tuning besides, as a baseline: minutes; of texts, up to 50 million weights",
    },
    ...FOLDS_FLAG,
    ...OUTPUT_FLAGS,
    resume: { kind: "switch", about: "Go on from the checkpoint of the very same job" },
  },
  examples: [
    {
      line: "kilotune tune examples/support-desk/train.jsonl --test examples/support-desk/test.jsonl",
      purpose: "the defaults",
    },
    {
      line: "kilotune tune train.csv --validation dev.csv --test test.csv --out out/desk.safetensors --report out/desk.html",
      purpose: "every file named",
    },
    {
      line: "kilotune tune train.jsonl --shots 10 --seed 1 --json",
      purpose: "ten rows a class, for a program",
    },
    {
      line: "kilotune tune train.jsonl --method soft --init labels",
      purpose: "soft tokens that start as the labels' names",
    },
    {
      line: "kilotune tune may.jsonl --init prompt:april.safetensors --out may.safetensors",
      purpose: "from an older prompt on",
    },
    {
      line: "kilotune tune train.jsonl --folds 5 --report out/desk.html",
      purpose: "few rows: measured on each fifth in turn, five times as long",
    },
    {
      line: "kilotune tune cells/train.jsonl --task detect --out out/cells.safetensors --report out/cells.html",
      purpose: "boxes of cells, on images beside the rows",
    },
    {
      line: "kilotune tune site-b.jsonl --task detect --init prompt:site-a.safetensors --out site-b.safetensors",
      purpose: "a second site: from the first one's prompt on, with its head",
    },
    {
      line: "kilotune tune cells/data.yaml --validation cells/data.yaml --task detect",
      purpose: "a YOLO data set: its train and its val",
    },
  ],
  async run(args, terminal) {
    const { train, validation, test, out, report } = args;
    const { images, texts } = await taskOf(args.task, train, terminal);
    refuseIdleFlags(args, images, texts.task);
    // Of images the backbone says which, once it is open.
    if (images === undefined) chosenMethod(texts.task, METHODS_OF.text, args);
    else if (args.method !== undefined) refuseIdleSizes(args.method, args);
    for (const file of [train, validation, test])
      if (file !== undefined)
        await (images === undefined
          ? assertStartsAsData(file, terminal, texts)
          : assertReadable(file, { folders: true }));
    const init = await readInit("tune", args.init);
    const method = args.method ?? methodOfInit(init);
    const reparam = readReparam("tune", args.reparam);
    await prepareOutput(out);
    if (report !== undefined) await prepareOutput(report);

    const signal = terminal.io.takeInterrupt();
    // One number, whose name is the method's.
    const virtual = args.tokens ?? args.rank;
    const shared = {
      ...(virtual === undefined ? {} : { tokens: virtual }),
      ...(args.firstLayer === undefined ? {} : { firstLayer: args.firstLayer }),
      ...(args.shots === undefined ? {} : { shots: args.shots }),
      ...(init && { init }),
      epochs: args.epochs as number | "auto",
      seed: args.seed,
      out,
      checkpoints: `${out}.checkpoint`,
      resume: args.resume,
      ...(args.withFullTuning && { fullTuning: true }),
      ...(args.folds === undefined ? {} : { folds: args.folds }),
    };
    let job: TuneJob;
    if (images === undefined) {
      const { precision } = args;
      const backbone = await openBackbone(args.backbone ?? "minilm-l6", terminal, { signal, precision });
      refuseLayer(args.firstLayer, backbone);
      const { task } = texts;
      const allowed = methodsOfBackbone(backbone.manifest);
      const chosen = chosenMethod(task, allowed, { ...args, method }) as TextJob["method"];
      const files = {
        train: fileSource(train),
        ...(validation === undefined ? {} : { validation: fileSource(validation) }),
        ...(test === undefined ? {} : { test: fileSource(test) }),
      };
      const outOfScope = outsideAsked(args);
      job = {
        backbone,
        method: chosen,
        task,
        ...(outOfScope && { outOfScope }),
        ...files,
        ...shared,
        ...(reparam && { reparam }),
      };
    } else {
      const backbone = await openVision(args.backbone ?? "vit-s14-saliency", terminal, signal);
      refuseLayer(args.firstLayer, backbone);
      const files = {
        train: await imagesAt(train, "train", args.imageFolder),
        ...(validation === undefined
          ? {}
          : { validation: await imagesAt(validation, "val", args.imageFolder) }),
        ...(test === undefined ? {} : { test: await imagesAt(test, "test", args.imageFolder) }),
      };
      const several = images === "classify" && (await haveSeveralLabels(files.train));
      const task = several ? "multi_label" : TASKS[images];
      const allowed = methodsOfBackbone(backbone.manifest);
      const chosen = chosenMethod(task, allowed, { ...args, method }) as ImageJob["method"];
      const tiles = args.tiles ? ({ tiles: true } as const) : {};
      job = { input: "image", task, backbone, method: chosen, ...tiles, ...files, ...shared };
    }
    const result = await tuneWithProgress(job, terminal, signal);
    if (report !== undefined) await writeWhole(report, renderReport(result.report));
    terminal.result(tuneResult(result), () => {
      const summary = summaryWords(result.report, terminal, "stdout");
      return report === undefined ? summary : `${summary}\nReport: ${report}`;
    });
    return 0;
  },
});

/** What TRAIN is for: images for a task, or texts for one. Where no flag says so, its first row does. */
async function taskOf(
  flag: keyof typeof TASKS | TextTaskFlag | undefined,
  train: string,
  terminal: Terminal,
): Promise<{
  readonly images: keyof typeof TASKS | undefined;
  readonly texts: { readonly task: TextTask; readonly pairs: boolean };
}> {
  const texts = { task: "classification", pairs: false } as const;
  if (flag !== undefined && !isTextTask(flag)) return { images: flag, texts };
  const rows = await recogniseRows(train, terminal);
  const seen = rows?.about === "texts" ? rows : texts;
  if (flag !== undefined) return { images: undefined, texts: { ...seen, task: TEXT_TASKS[flag] } };
  return { images: rows?.about === "images" ? rows.task : undefined, texts: seen };
}

/** By the first row that can be read: `labels` in place of `label`. */
async function haveSeveralLabels(rows: ImageRows): Promise<boolean> {
  await using opened = await rows.open("classify");
  for await (const reading of opened.readings)
    if (reading.kind === "row") return reading.row.target.kind === "labels" && reading.row.target.several;
  return false;
}

const TASKS = { classify: "classification", segment: "segmentation", detect: "detection" } as const;

/** A flag that would change nothing was meant for another method. */
function refuseIdleFlags(
  args: {
    withFullTuning: boolean;
    precision: string;
    imageFolder: string | undefined;
    tiles: boolean;
    shots: number | undefined;
    oos: boolean;
    oosLabel: string | undefined;
    init: string | undefined;
    reparam: string | undefined;
  },
  images: keyof typeof TASKS | undefined,
  texts: TextTask,
): void {
  const task = images === undefined ? texts : TASKS[images];
  if (images !== undefined && args.precision !== "fp32")
    throw usageError("tune", "--precision int8 is of texts", "Leave one of them out.");
  if (images !== undefined && args.reparam !== undefined)
    throw usageError("tune", "--reparam is of texts", "Leave it out.");
  if (images !== undefined && !/^(random$|prompt:)/.test(args.init ?? "random"))
    throw usageError(
      "tune",
      "--init: expected random or prompt:FILE, for images",
      "Leave it out: prompts of images start at random.",
    );
  if (args.tiles && images !== "segment" && images !== "detect")
    throw usageError(
      "tune",
      "--tiles is of masks and boxes",
      "Leave it out, or say --task segment or detect.",
    );
  if (images === undefined && args.imageFolder !== undefined)
    throw usageError("tune", "--image-folder is of rows of images", "Leave it out, or say --task.");
  if ((args.oos || args.oosLabel !== undefined) && (images !== undefined || task !== "classification"))
    throw usageError("tune", "--oos and --oos-label are of texts with one label each", "Leave them out.");
  if (task !== "classification" && args.shots !== undefined)
    throw usageError(
      "tune",
      `--shots draws rows of one label each, and rows of the task ${task} have none`,
      "Leave one of them out.",
    );
  if (args.withFullTuning && (task !== "classification" || images !== undefined || args.precision !== "fp32"))
    throw usageError(
      "tune",
      "--with-full-tuning is of labelled sentences, on a model in fp32",
      "Leave one of them out.",
    );
}

interface PromptFlags {
  readonly method: MethodName | undefined;
  readonly firstLayer: number | undefined;
  readonly tokens: number | undefined;
  readonly rank: number | undefined;
}

/** What was asked for, else the default of backbone and task. @param all what the backbone allows */
function chosenMethod(task: TaskName, all: readonly MethodName[], args: PromptFlags): MethodName {
  const allowed = methodsFor(task, all);
  const method = args.method ?? (allowed[0] as MethodName);
  if (!allowed.includes(method))
    throw usageError(
      "tune",
      `--method ${method}: expected one that the backbone can be tuned by for ${task}, ${allowed.join(", ")}`,
      `Leave it out for ${allowed[0]}.`,
    );
  refuseIdleSizes(method, args);
  return method;
}

function refuseIdleSizes(method: MethodName, args: PromptFlags): void {
  const { size, firstLayer } = METHOD_SHAPES[method];
  const of = (has: (shape: MethodShape) => boolean) =>
    new Intl.ListFormat("en-GB").format(METHODS.filter((name) => has(METHOD_SHAPES[name])));
  if (args.firstLayer !== undefined && !firstLayer)
    throw usageError(
      "tune",
      `--first-layer is of --method ${of((shape) => shape.firstLayer ?? false)}, not of ${method}`,
      "Leave one of them out.",
    );
  if (args.rank !== undefined && size !== "rank")
    throw usageError("tune", `--rank is of --method lora, not of ${method}`, "Leave one of them out.");
  if (args.tokens === undefined || size === "tokens" || size === "width") return;
  const withTokens = of((shape) => shape.size === "tokens" || shape.size === "width");
  throw usageError(
    "tune",
    `--tokens is of --method ${withTokens}: ${method} has ${size === "rank" ? "a --rank" : "none"}`,
    size === "rank" ? "Say --rank instead." : "Leave one of them out.",
  );
}

function refuseLayer(
  firstLayer: number | undefined,
  { manifest }: Pick<Backbone | VisionBackbone, "manifest">,
): void {
  const layers = promptableLayers(manifest);
  if (firstLayer === undefined || firstLayer < layers) return;
  throw usageError(
    "tune",
    `--first-layer: expected 0 to ${layers - 1}, the layers of ${manifest.id}, but saw ${firstLayer}`,
    `Leave it out for ${defaultFirstLayer(layers)}.`,
  );
}
