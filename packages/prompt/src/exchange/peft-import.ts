import type { BaseModel } from "./base-model.ts";
import { embedPrompt } from "./embedding-norm.ts";
import { assertLength, type ForeignPrompt } from "./foreign-prompt.ts";
import { findHead, type HeadNames } from "./heads.ts";
import type { PeftConfig } from "./peft-config.ts";
import { importLora } from "./peft-lora.ts";
import { fromColumns } from "./prefix-columns.ts";
import { quote, refuse } from "./refuse.ts";
import { missing, readNumbers, type TensorFile } from "./tensor-file.ts";

/**
 * A PEFT adapter's tensors -> the prompt, and where its head is. P-tuning's encoder was run before it was saved: its file
 * holds what prompt tuning's does.
 *
 * P prompt tokens, H hidden size, L layers, N heads, D head dimension, R ranks.
 * @param task which one, of a multitask prompt
 * @throws KilotuneError `unsupported_prompt_kind`, `bad_foreign_prompt`, `prompt_too_long`; EngineError `non_finite`
 */
export async function importPeft(
  config: PeftConfig,
  file: TensorFile,
  base: BaseModel,
  task: number | undefined,
): Promise<{ prompt: ForeignPrompt; head: HeadNames | undefined; task?: number }> {
  if (config.peft_type === "LORA") {
    if (task !== undefined) throw idleTask(config);
    return importLora(config, file, base);
  }
  assertLength(config.num_virtual_tokens, base);
  const { head, others } = findHead(file);
  const isMultitask = config.peft_type === "MULTITASK_PROMPT_TUNING";
  const wanted = isMultitask ? [SHARED, COLUMNS, ROWS] : [SHARED];
  const absent = wanted.filter((name) => !others.includes(name));
  const surplus = others.filter((name) => !wanted.includes(name));
  if (absent.length + surplus.length > 0) throw missing(file, absent, surplus);
  if (!isMultitask && task !== undefined) throw idleTask(config);
  if (config.peft_type === "PREFIX_TUNING") return { prompt: await prefix(config, file, base), head };
  if (isMultitask) {
    const { words, chosen } = await ofTask(config, file, base, task);
    return { prompt: await soft(words, base), head, task: chosen };
  }
  const { hiddenSize: H } = base.about.backbone;
  const { data: words } = await readNumbers(file, SHARED, [config.num_virtual_tokens, H]);
  return { prompt: await soft(words, base), head };
}

function idleTask({ peft_type: kind }: PeftConfig) {
  return refuse(
    "bad_foreign_prompt",
    "a multitask prompt, since a task is named",
    quote(kind),
    "Leave --task away: the file has one prompt.",
  );
}

type PromptConfig = Exclude<PeftConfig, { peft_type: "LORA" }>;

const SHARED = "prompt_embeddings";
const COLUMNS = "prefix_task_cols";
const ROWS = "prefix_task_rows";

/** The model pools the first position, which is the first prompt token's. */
async function soft(words: Float32Array, base: BaseModel): Promise<ForeignPrompt> {
  const data = await embedPrompt(words, base);
  return {
    method: "soft",
    data,
    tokens: data.length / base.about.backbone.hiddenSize,
    pooling: "first_position",
  };
}

async function prefix(config: PromptConfig, file: TensorFile, base: BaseModel): Promise<ForeignPrompt> {
  const { layers: L, heads: N, headDim: D, id } = base.about.backbone;
  const { num_layers, num_attention_heads, token_dim } = config;
  const agrees =
    (num_layers ?? L) === L && (num_attention_heads ?? N) === N && (token_dim ?? N * D) === N * D;
  if (!agrees) {
    throw refuse(
      "bad_foreign_prompt",
      `a prefix for ${L} layers of ${N} key and value heads of ${D}, as backbone ${quote(id)} has`,
      `num_layers ${num_layers}, num_attention_heads ${num_attention_heads}, token_dim ${token_dim}`,
      "Give the backbone that the prompt was tuned on.",
    );
  }
  const tokens = config.num_virtual_tokens;
  // The product tells where a file is at odds with its own config: layers x 2 x heads x head dimension.
  const { data } = await readNumbers(file, SHARED, [tokens, L * 2 * N * D]);
  return { method: "kv", data: fromColumns(data, { layers: L, heads: N, tokens, headDim: D }), tokens };
}

/** shared * (columns_t @ rows_t): what the model computes for a row of task t. */
async function ofTask(
  config: PromptConfig,
  file: TensorFile,
  base: BaseModel,
  task: number | undefined,
): Promise<{ words: Float32Array; chosen: number }> {
  const { hiddenSize: H } = base.about.backbone;
  const P = config.num_virtual_tokens;
  const tasks = config.num_tasks ?? -1;
  const ranks = config.num_ranks ?? -1;
  const shared = (await readNumbers(file, SHARED, [P, H])).data;
  const columns = await readNumbers(file, COLUMNS, [tasks, P, ranks]);
  const [K = 0, , R = 0] = columns.dims;
  const rows = (await readNumbers(file, ROWS, [K, R, H])).data;
  const chosen = task ?? (K === 1 ? 0 : undefined);
  if (chosen === undefined || chosen >= K) {
    throw refuse(
      "bad_foreign_prompt",
      `a task from 0 to ${K - 1}, since the file has prompts for ${K}`,
      chosen === undefined ? "none named" : `${chosen}`,
      "Name the task that the prompt is for: --task N.",
    );
  }
  const words = Float32Array.from(shared, (value, at) => {
    const [token, h] = [Math.floor(at / H), at % H];
    let product = 0;
    for (let rank = 0; rank < R; rank++)
      product += columns.data[(chosen * P + token) * R + rank]! * rows[(chosen * R + rank) * H + h]!;
    return value * product;
  });
  return { words, chosen };
}
