import { z } from "zod";
import { LORA_FIELDS } from "./peft-lora.ts";
import { list, printable, quote, refuse } from "./refuse.ts";

/**
 * `adapter_config.json`, the fields that decide what the tensors mean. Paths and addresses in it are text: nothing that
 * it names is opened or fetched.
 */
const schema = z.looseObject({
  peft_type: z.string(),
  task_type: z.string().nullish(),
  num_virtual_tokens: z.int().positive().nullish(),
  token_dim: z.int().positive().nullish(),
  num_transformer_submodules: z.int().positive().nullish(),
  num_attention_heads: z.int().positive().nullish(),
  num_layers: z.int().positive().nullish(),
  num_ranks: z.int().positive().nullish(),
  num_tasks: z.int().positive().nullish(),
  base_model_name_or_path: z.string().nullish(),
  peft_version: z.string().nullish(),
});

type Fields = z.infer<typeof schema>;

export type PeftConfig =
  | (Fields & { readonly peft_type: "LORA" })
  | (Fields & { readonly peft_type: PromptKind; readonly num_virtual_tokens: number });

type PromptKind = "PROMPT_TUNING" | "P_TUNING" | "PREFIX_TUNING" | "MULTITASK_PROMPT_TUNING";

/** The kinds that are carried over. */
export type PeftKind = PeftConfig["peft_type"];

const KINDS: ReadonlySet<string> = new Set<PeftKind>([
  "PROMPT_TUNING",
  "P_TUNING",
  "PREFIX_TUNING",
  "MULTITASK_PROMPT_TUNING",
  "LORA",
]);

/** What isn't, and why not. Once the prompt file holds one of them, it moves up and gets an importer beside the others. */
const REFUSED_KINDS: ReadonlyMap<string, string> = new Map([
  ["ADALORA", "AdaLoRA has a third matrix between the two, and its ranks change on the way"],
  ["LOHA", "LoHa multiplies two products with each other"],
  ["LOKR", "LoKr is a Kronecker product"],
  ["IA3", "IA3 scales keys, values and the inner layer, which no prompt file holds"],
  ["CPT", "context-aware prompt tuning is for models that generate"],
  ["CARTRIDGE", "cartridges are caches of models that generate"],
  ["ADAPTION_PROMPT", "LLaMA-Adapter adds gated attention, which no prompt file holds"],
]);

const REFUSED_TASKS: ReadonlyMap<string, string> = new Map([
  ["SEQ_2_SEQ_LM", "an encoder and a decoder with a prompt each"],
  ["CAUSAL_LM", "a model that generates"],
  ["TOKEN_CLS", "a head that tags tokens"],
  ["QUESTION_ANS", "a head that finds spans of answers"],
  ["FEATURE_EXTRACTION", "vectors without a head"],
]);

/**
 * @returns the config, and what in it is ignored as PEFT itself ignores it
 * @throws KilotuneError `unsupported_prompt_kind`, `bad_foreign_prompt`
 */
export function parsePeftConfig(text: string, path: string): { config: PeftConfig; notes: string[] } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw bad(path, "JSON", printable((cause as Error).message));
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw bad(path, "a config that PEFT wrote", printable(`${issue!.path.join(".")}: ${issue!.message}`));
  }
  const config = parsed.data;
  const { peft_type: kind, task_type: task, num_transformer_submodules: submodules } = config;
  if (!KINDS.has(kind)) {
    const why = REFUSED_KINDS.get(kind) ?? "it isn't a method that a prompt file holds";
    throw unsupported(path, `peft_type ${[...KINDS].join(", ")}`, `${quote(kind)}: ${why}`);
  }
  if (task !== "SEQ_CLS") {
    const why = REFUSED_TASKS.get(task ?? "") ?? "no task that PEFT knows";
    throw unsupported(path, "task_type SEQ_CLS", `${quote(task ?? null)}: ${why}`);
  }
  if ((submodules ?? 1) !== 1)
    throw unsupported(path, "one transformer", `num_transformer_submodules ${submodules}`);
  if (kind !== "LORA" && typeof config.num_virtual_tokens !== "number")
    throw bad(path, "num_virtual_tokens", "none");
  const unknown = Object.keys(config).filter(
    (key) => !KNOWN_FIELDS.has(key) && !(kind === "LORA" && LORA_FIELDS.includes(key)),
  );
  const notes = unknown.length === 0 ? [] : [`${path}: ignored as PEFT does: ${list(unknown)}`];
  return { config: config as PeftConfig, notes };
}

const KNOWN_FIELDS: ReadonlySet<string> = new Set([
  ...Object.keys(schema.shape),
  "auto_mapping",
  "revision",
  "inference_mode",
  "modules_to_save",
  "runtime_config",
  "prompt_tuning_init",
  "prompt_tuning_init_text",
  "prompt_tuning_init_state_dict_path",
  "prompt_tuning_init_task",
  "tokenizer_name_or_path",
  "tokenizer_kwargs",
  "encoder_reparameterization_type",
  "encoder_hidden_size",
  "encoder_num_layers",
  "encoder_dropout",
  "prefix_projection",
  "init_weights",
]);

function bad(path: string, expected: string, seen: string) {
  return refuse("bad_foreign_prompt", `${path}: ${expected}`, seen, "Save the adapter again with PEFT.");
}

function unsupported(path: string, expected: string, seen: string) {
  return refuse(
    "unsupported_prompt_kind",
    `${path}: ${expected}`,
    seen,
    "Prompts that classify texts are carried over; for the rest tune again with `kilotune tune`.",
  );
}
