import { z } from "zod";
import type { BaseModel } from "./base-model.ts";
import type { ForeignPrompt } from "./foreign-prompt.ts";
import { findHead, type HeadNames } from "./heads.ts";
import { list, printable, quote, refuse } from "./refuse.ts";
import { missing, readNumbers, type TensorFile } from "./tensor-file.ts";

/**
 * PEFT's LoRA on the queries and values of BERT. To a layer's projection it adds s B (A x), A [R, H], B [H, R]: ours is
 * (x A^T) B^T, the scale s within B. Modules of several ranks are filled up with zeros; so is what has no matrices between
 * the first layer and the last.
 *
 * L layers, H hidden size, R rank.
 */

/** The fields of `adapter_config.json` that decide what the matrices mean; the rest says how they were trained. */
const schema = z.looseObject({
  r: z.int().positive(),
  lora_alpha: z.number(),
  use_rslora: z.boolean().nullish(),
  use_dora: z.boolean().nullish(),
  use_qalora: z.boolean().nullish(),
  lora_bias: z.boolean().nullish(),
  bias: z.string().nullish(),
  rank_pattern: z.record(z.string(), z.int().positive()).nullish(),
  alpha_pattern: z.record(z.string(), z.number()).nullish(),
  target_modules: z.union([z.string(), z.array(z.string())]).nullish(),
  layers_to_transform: z.union([z.int(), z.array(z.int())]).nullish(),
  init_lora_weights: z.union([z.boolean(), z.string()]).nullish(),
  layer_replication: z.unknown().nullish(),
  target_parameters: z.unknown().nullish(),
  trainable_token_indices: z.unknown().nullish(),
  alora_invocation_tokens: z.unknown().nullish(),
});

type LoraConfig = z.infer<typeof schema>;

/** Fields that PEFT has and that change nothing here. For a Linear, which BERT's are, PEFT itself turns fan_in_fan_out off. */
export const LORA_FIELDS: readonly string[] = [
  ...Object.keys(schema.shape),
  "fan_in_fan_out",
  "lora_dropout",
  "exclude_modules",
  "layers_pattern",
  "megatron_config",
  "megatron_core",
  "loftq_config",
  "eva_config",
  "corda_config",
  "lora_ga_config",
  "arrow_config",
  "qalora_group_size",
  "ensure_weight_tying",
];

/**
 * @throws KilotuneError `unsupported_prompt_kind` for variants and modules that a prompt file has no place for, by name;
 *   `bad_foreign_prompt`; EngineError `non_finite`
 */
export async function importLora(
  fields: object,
  file: TensorFile,
  base: BaseModel,
): Promise<{ prompt: ForeignPrompt; head: HeadNames | undefined }> {
  const config = parseLora(fields, file);
  const { head, others } = findHead(file);
  const { layers: L, hiddenSize: H } = base.about.backbone;
  const found = sort(file, others, L);
  const wanted = wantedModules(config, found, L);
  const absent = wanted.flatMap((key) =>
    MATRICES.filter((matrix) => found.get(key)?.[matrix] === undefined).map(
      (matrix) => `${key}.lora_${matrix}.weight`,
    ),
  );
  const surplus = [...found]
    .filter(([key]) => !wanted.includes(key))
    .flatMap(([, names]) => Object.values(names));
  if (absent.length + surplus.length > 0) throw missing(file, absent, surplus);

  const read = await Promise.all(
    wanted.map(async (key) => {
      const { A, B } = found.get(key) as Record<"A" | "B", string>;
      const rank = config.rank_pattern && Object.keys(config.rank_pattern).length > 0 ? -1 : config.r;
      const { data: a, dims } = await readNumbers(file, A, [rank, H]);
      const own = dims[0] as number;
      const { data: b } = await readNumbers(file, B, [H, own]);
      return { ...placeOf(key), a, b, rank: own, scale: scaleOf(config, key, own, file) };
    }),
  );
  const firstLayer = Math.min(...read.map(({ layer }) => layer));
  const layers = Math.max(...read.map(({ layer }) => layer)) - firstLayer + 1;
  const R = Math.max(...read.map(({ rank }) => rank));
  const data = new Float32Array(layers * 4 * R * H);
  for (const { layer, part, a, b, rank, scale } of read) {
    const start = ((layer - firstLayer) * 2 + part) * 2 * R * H;
    data.set(a, start);
    for (let r = 0; r < rank; r++)
      for (let h = 0; h < H; h++) data[start + (R + r) * H + h] = scale * (b[h * rank + r] as number);
  }
  return { prompt: { method: "lora", data, firstLayer, layers, rank: R }, head };
}

function parseLora(fields: object, file: TensorFile): LoraConfig {
  const parsed = schema.safeParse(fields);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const seen = printable(`${issue!.path.join(".")}: ${issue!.message}`);
    throw refuse(
      "bad_foreign_prompt",
      `${file.path}: a LoRA config that PEFT wrote`,
      seen,
      "Save the adapter again with PEFT.",
    );
  }
  const config = parsed.data;
  for (const [seen, why] of variants(config)) throw unsupported(file, "plain LoRA", `${seen}: ${why}`);
  return config;
}

/** What makes other numbers of A and B, or trains more than them. */
function* variants(config: LoraConfig): Generator<[seen: string, why: string]> {
  if (config.use_dora) yield ["use_dora", "DoRA rescales the frozen weights' columns"];
  if (config.use_qalora) yield ["use_qalora", "QALoRA pools the input in groups"];
  if (config.lora_bias) yield ["lora_bias", "B has a bias of its own, which a prompt file has no place for"];
  if ((config.bias ?? "none") !== "none")
    yield [
      `bias ${quote(config.bias)}`,
      "biases were trained beside the matrices, and a prompt file has no place for both",
    ];
  const { init_lora_weights: init } = config;
  if (typeof init === "string" && !KEEPS_BASE.has(init))
    yield [
      `init_lora_weights ${quote(init)}`,
      "it changes the base model's weights, so A and B alone say another thing",
    ];
  for (const name of [
    "layer_replication",
    "target_parameters",
    "trainable_token_indices",
    "alora_invocation_tokens",
  ] as const)
    if (config[name] !== undefined && config[name] !== null)
      yield [name, "it changes more of the model than its matrices"];
}

/** Ways to start that leave the base model as it is. */
const KEEPS_BASE: ReadonlySet<string> = new Set(["gaussian", "eva", "orthogonal"]);

const MATRICES = ["A", "B"] as const;
const PARTS = ["query", "value"] as const;

/** Matrices by module, `encoder.layer.3.attention.self.query`. Under every prefix that PEFT writes, with the adapter's name or without. */
function sort(file: TensorFile, names: readonly string[], L: number) {
  const found = new Map<string, Partial<Record<"A" | "B", string>>>();
  const unknown: string[] = [];
  for (const name of names) {
    const match = /^(?:base_model\.)?(?:model\.)?(?:bert\.)?(.+)\.lora_([AB])(?:\.[^.]+)?\.weight$/.exec(
      name,
    );
    const [, module = "", matrix] = match ?? [];
    if (match === null) unknown.push(name);
    else if (!MODULE.test(module) || placeOf(module).layer >= L)
      throw unsupported(
        file,
        `queries and values of layers 0 to ${L - 1}`,
        `a target module ${quote(module)}`,
      );
    else {
      const own = found.get(module) ?? {};
      const before = own[matrix as "A" | "B"];
      if (before !== undefined)
        throw refuse(
          "bad_foreign_prompt",
          `${file.path}: each matrix once`,
          list([before, name]),
          "Save one adapter alone.",
        );
      found.set(module, { ...own, [matrix as "A" | "B"]: name });
    }
  }
  if (unknown.length > 0 || found.size === 0)
    throw missing(
      file,
      found.size === 0 ? ["encoder.layer.0.attention.self.query.lora_A.weight"] : [],
      unknown,
    );
  return found;
}

const MODULE = /^encoder\.layer\.(\d{1,4})\.attention\.self\.(query|value)$/;

function placeOf(module: string): { layer: number; part: number } {
  const [, layer, part] = MODULE.exec(module) ?? [];
  return { layer: Number(layer), part: part === "query" ? 0 : 1 };
}

/** Of a list of names, all that it names; of a pattern, what was found. */
function wantedModules(
  { target_modules: targets, layers_to_transform: some }: LoraConfig,
  found: ReadonlyMap<string, unknown>,
  L: number,
): string[] {
  const names = Array.isArray(targets) ? targets.map((name) => name.split(".").at(-1)) : [];
  const parts = PARTS.filter((part) => names.includes(part));
  if (parts.length === 0 || !Array.isArray(targets) || targets.some((name) => /\d/.test(name)))
    return [...found.keys()].sort();
  const layers =
    some === undefined || some === null ? Array.from({ length: L }, (_, at) => at) : [some].flat();
  return layers.flatMap((layer) => parts.map((part) => `encoder.layer.${layer}.attention.self.${part}`));
}

/** alpha / rank, or alpha / sqrt(rank); a module's own alpha goes first. */
function scaleOf(
  { lora_alpha, alpha_pattern, use_rslora }: LoraConfig,
  key: string,
  rank: number,
  file: TensorFile,
): number {
  let alpha = lora_alpha;
  for (const [pattern, own] of Object.entries(alpha_pattern ?? {})) {
    // PEFT takes a regular expression; a name is one, too, and nobody's expression is run here.
    if (!/^[\w.]+$/.test(pattern)) throw unsupported(file, "names in alpha_pattern", quote(pattern));
    if (!`.bert.${key}`.endsWith(`.${pattern}`)) continue;
    alpha = own;
    break;
  }
  return alpha / (use_rslora ? Math.sqrt(rank) : rank);
}

function unsupported(file: TensorFile, expected: string, seen: string) {
  return refuse(
    "unsupported_prompt_kind",
    `${file.path}: ${expected}`,
    seen,
    "LoRA on queries and values is carried over; merge the rest into the model, or tune again with `kilotune tune --method lora`.",
  );
}
