import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import type { Reading } from "../manifest/uses.ts";
import { PROMPT_FORMAT, type PromptManifest, parseManifest } from "../manifest.ts";
import type { MlpHead, TextClassifier } from "../prompt.ts";
import { assemble as assemblePrompt } from "../tensors.ts";
import type { BaseModel } from "./base-model.ts";
import { embedPrompt } from "./embedding-norm.ts";
import { assertLength, type ForeignPrompt } from "./foreign-prompt.ts";
import { findHead, type HeadNames, noHead, readHead } from "./heads.ts";
import { labelsIn, labelsOf } from "./labels.ts";
import { importPTuningV2 } from "./p-tuning-v2-import.ts";
import { parsePeftConfig } from "./peft-config.ts";
import { importPeft } from "./peft-import.ts";
import { type Found, openTensors, readText, recognise } from "./recognise.ts";
import { list, printable, refuse } from "./refuse.ts";
import { readNumbers, type TensorFile } from "./tensor-file.ts";

export interface ImportOptions {
  /** In the order of the head's rows; else the folder's `id2label`, else LABEL_0 and so on, as transformers names them. */
  readonly labels?: readonly string[];
  /** In place of `labels`: JSON, a list of them or a config with `id2label`. */
  readonly labelsFile?: string;
  /** Of a multitask prompt. */
  readonly task?: number;
  /** A file with the head, where the prompt's has none. */
  readonly head?: string;
  /** Of a bare tensor, whose file doesn't tell: the state that the head reads. Default that of the first position. */
  readonly pooling?: Reading["pooling"];
}

export interface Imported {
  readonly prompt: TextClassifier;
  /** What the user should know, a sentence each. */
  readonly notes: readonly string[];
}

/**
 * Reads another system's prompt: a PEFT folder, a P-tuning v2 checkpoint (folder or file), a TGIS folder with `decoder.pt`, a
 * tensor by torch.save or NumPy. The format is told by the content. Nothing in it is executed, nothing that it names
 * is opened. The logits are the other system's, within rounding.
 * @param source a file or a folder
 * @throws KilotuneError `unsupported_prompt_kind`, `bad_foreign_prompt`, `no_head`, `prompt_too_long`, `unsafe_pickle`,
 *   `bad_torch_file`, `bad_npy`, `file_not_found`; EngineError `bad_safetensors`, `non_finite`
 */
export async function importPrompt(
  source: string,
  base: BaseModel,
  options: ImportOptions = {},
): Promise<Imported> {
  const found = await recognise(source);
  await using file = await openTensors(found.tensors);
  refuseIdleOptions(options, found, file);
  const { prompt, head, origin, notes } = await read(found, file, base, options);
  const mlp = await headOf(file, head, base, options.head);
  const classes = mlp.bias.length;
  if (classes === 1) throw regression();
  const { labels: given, labelsFile } = options;
  const named =
    given ?? (await (labelsFile === undefined ? labelsIn(found.folder, classes) : labelsOf(labelsFile)));
  const labels = named ?? Array.from({ length: classes }, (_, at) => `LABEL_${at}`);
  if (labels.length !== classes) {
    throw refuse(
      "bad_foreign_prompt",
      `${classes} labels, one for each row of the head`,
      `${labels.length}`,
      "Give them in the order of the other system's id2label.",
    );
  }
  const sha256 = await sha256OfFile(found.tensors);
  return {
    prompt: assemble(prompt, mlp, labels, { ...origin, sha256 }, base),
    notes: named === undefined ? [...notes, NAMELESS] : notes,
  };
}

const NAMELESS =
  "the file doesn't name its classes: they are called LABEL_0 and so on, in the order of the head's rows";

/** What would change nothing was meant for another file. */
function refuseIdleOptions({ task, pooling }: ImportOptions, { kind }: Found, file: TensorFile): void {
  const idle =
    task !== undefined && kind !== "peft"
      ? "a task, which only a multitask prompt of PEFT has"
      : pooling !== undefined && !file.isBare
        ? "a pooling, which is asked for a bare tensor alone"
        : undefined;
  if (idle !== undefined)
    throw refuse(
      "bad_foreign_prompt",
      `${file.path}: no setting that changes nothing`,
      idle,
      "Leave it away.",
    );
}

type Origin = Omit<NonNullable<PromptManifest["origin"]>, "sha256">;

interface Read {
  readonly prompt: ForeignPrompt;
  readonly head: HeadNames | undefined;
  readonly origin: Origin;
  readonly notes: readonly string[];
}

async function read(
  found: Found,
  file: TensorFile,
  base: BaseModel,
  { task, pooling }: ImportOptions,
): Promise<Read> {
  if (found.kind === "peft") {
    const { config, notes } = parsePeftConfig(await readText(found.config), found.config);
    const { prompt, head, task: chosen } = await importPeft(config, file, base, task);
    const { peft_type: kind, peft_version: version, base_model_name_or_path: baseModel } = config;
    const origin = {
      format: "peft",
      kind,
      ...(version ? { version: printable(version) } : {}),
      ...(baseModel ? { baseModel: printable(baseModel) } : {}),
      ...(chosen === undefined ? {} : { task: chosen }),
    } as const;
    return { prompt, head, origin, notes };
  }
  if (file.isBare) {
    const { hiddenSize: H } = base.about.backbone;
    const { data: words, dims } = await readNumbers(file, "tensor", [-1, H]);
    const tokens = dims[0]!;
    assertLength(tokens, base);
    const format = found.kind === "tgis" ? "tgis" : file.path.endsWith(".npy") ? "npy" : "tensor";
    const data = await embedPrompt(words, base);
    const prompt = { method: "soft", data, tokens, pooling: pooling ?? "first_position" } as const;
    const note = `a bare tensor of ${tokens} tokens: taken for input tokens in front of the text, as PEFT's are, the head reading ${prompt.pooling}`;
    return { prompt, head: undefined, origin: { format }, notes: [note] };
  }
  const names = [...file.shapes.keys()];
  if (names.some((name) => name.startsWith("prefix_encoder."))) {
    const { prompt, head } = await importPTuningV2(file, base);
    return { prompt, head, origin: { format: "p-tuning-v2", kind: "prefix" }, notes: [] };
  }
  throw unknownFile(file, names);
}

function unknownFile(file: TensorFile, names: readonly string[]) {
  const expected = `${file.path}: a prompt's tensors`;
  if (names.includes("prompt_embeddings"))
    return refuse(
      "bad_foreign_prompt",
      "adapter_config.json beside them",
      `tensors of PEFT, ${list(names)}, without it`,
      "Give the folder that PEFT saved: without its config it isn't known what the tensors mean.",
    );
  if (names.some((name) => name.startsWith("enc.transformer.")))
    return refuse(
      "unsupported_prompt_kind",
      expected,
      "a checkpoint of visual prompt tuning",
      "Prompts for images aren't carried over yet.",
    );
  if (names.some((name) => /\.lora_[AB]\./.test(name)))
    return refuse(
      "bad_foreign_prompt",
      "adapter_config.json beside them",
      `LoRA's matrices, ${list(names)}, without it`,
      "Give the folder that PEFT saved: without its config their scale isn't known.",
    );
  return refuse(
    "bad_foreign_prompt",
    expected,
    list(names),
    "PEFT folders, P-tuning v2 checkpoints, and single tensors of torch.save or NumPy are known.",
  );
}

async function headOf(
  file: TensorFile,
  own: HeadNames | undefined,
  base: BaseModel,
  given: string | undefined,
): Promise<MlpHead> {
  if (given === undefined) {
    if (own === undefined) throw noHead(file);
    return readHead(file, own, base);
  }
  if (own !== undefined) {
    throw refuse(
      "bad_foreign_prompt",
      "one head",
      `one in ${file.path}, and ${printable(given)} given`,
      "Leave --head away: the prompt's own head is the one that was tuned with it.",
    );
  }
  await using other = await openTensors(given);
  const { head } = findHead(other);
  if (head === undefined) throw noHead(other);
  // Awaited here: the file is closed behind it.
  return await readHead(other, head, base);
}

function assemble(
  foreign: ForeignPrompt,
  head: MlpHead,
  labels: readonly string[],
  origin: NonNullable<PromptManifest["origin"]>,
  base: BaseModel,
): TextClassifier {
  const { backbone, maxTokens, maxPositions } = base.about;
  const { method, data } = foreign;
  const tokens = method === "lora" ? 0 : foreign.tokens;
  const manifest = parseManifest({
    format: PROMPT_FORMAT,
    method,
    sites: sitesOf(foreign, backbone),
    task: "classification",
    labels: [...labels],
    backbone,
    head: { kind: head.kind, scale: head.scale },
    calibration: { temperature: 1 },
    maxTokens: Math.min(maxTokens, maxPositions - tokens),
    storage: "float32",
    origin,
    // A prefix has no position: the first one is the text's own.
    reading: {
      pooling: method === "soft" ? foreign.pooling : "cls_after_prompt",
      textPositions: method === "lora" ? "from_zero" : "after_prompt",
    },
    metrics: {},
  });
  const tensors = new Map<string, Float32Array>([
    [method, data],
    ["head.dense.weight", head.dense],
    ["head.dense.bias", head.denseBias],
    ["head.weight", head.weight],
    ["head.bias", head.bias],
  ]);
  return assemblePrompt(manifest, tensors) as TextClassifier;
}

function sitesOf(foreign: ForeignPrompt, { layers: all }: BaseModel["about"]["backbone"]) {
  switch (foreign.method) {
    case "kv":
      return { firstLayer: 0, layers: all, tokens: foreign.tokens };
    case "soft":
      return { tokens: foreign.tokens };
    case "lora": {
      const { firstLayer, layers, rank } = foreign;
      return { firstLayer, layers, rank };
    }
  }
}

async function sha256OfFile(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

function regression() {
  return refuse(
    "unsupported_prompt_kind",
    "a head with a row for each class",
    "one row, which transformers takes for a regression",
    "Only prompts that classify texts are carried over so far.",
  );
}
