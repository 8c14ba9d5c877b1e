import { float32, type Tensor, writeSafetensors } from "@kilotune/engine";
import { assertCompatible } from "../compatible.ts";
import type { Use } from "../manifest/uses.ts";
import type { KvPrompt, LoraPrompt, MlpHead, Prompt, SoftPrompt, TextClassifier } from "../prompt.ts";
import { isFor, useOf } from "../use.ts";
import type { BaseModel } from "./base-model.ts";
import { unembedPrompt } from "./embedding-norm.ts";
import { LABELS_FILE } from "./labels.ts";
import { loraAdapter } from "./peft-lora-export.ts";
import { toColumns } from "./prefix-columns.ts";
import { quote, refuse } from "./refuse.ts";

/**
 * A prompt as the files of a PEFT adapter, by name: PEFT loads them on the same base model and gives the same logits
 * (before the calibration's temperature, for which PEFT has no place).
 *
 * PEFT decides how a text is read: its positions count on behind the prompt, and BertForSequenceClassification's pooler and
 * classifier read the first position. A prompt that was tuned here is read otherwise and is refused: its numbers would
 * load, and answer wrongly.
 * @throws KilotuneError `not_expressible`, `backbone_mismatch`
 */
export async function exportPeft(
  prompt: Prompt,
  base: BaseModel,
): Promise<ReadonlyMap<string, Uint8Array | string>> {
  const { manifest } = prompt;
  assertCompatible(manifest, base.about.backbone);
  if (!isFor(prompt, "textClassification"))
    throw otherwise("a prompt that classifies texts", useOf(manifest));
  if (prompt.method === "channels" || prompt.method === "border")
    throw otherwise("a prompt of texts", `${prompt.method} of a graph of images`);
  if (prompt.method === "bias") throw otherwise("a prompt of a kind that PEFT has", "differences of biases");
  if (prompt.method === "head") throw otherwise("a prompt", "a head alone");
  const { head, hasOwnPooler } = await readAsPeftDoes(prompt, base);
  const { hiddenSize: H } = manifest.backbone;
  const { kind, tensors: numbers, own } = await promptPart(prompt, base);
  const config = {
    auto_mapping: null,
    base_model_name_or_path: manifest.origin?.baseModel ?? manifest.backbone.id,
    inference_mode: true,
    modules_to_save: ["classifier", "score", ...(hasOwnPooler ? ["pooler"] : [])],
    peft_type: kind,
    revision: null,
    task_type: "SEQ_CLS",
    ...own,
  };
  const classes = manifest.labels.length;
  // The model below a LoRA has one wrapper more.
  const model = prompt.method === "lora" ? "base_model.model." : "base_model.";
  const tensors = new Map<string, Tensor>([
    ...numbers,
    [`${model}classifier.weight`, float32(scaled(head.weight, head.scale), [classes, H])],
    [`${model}classifier.bias`, float32(head.bias, [classes])],
  ]);
  if (hasOwnPooler) {
    tensors.set(`${model}bert.pooler.dense.weight`, float32(head.dense, [H, H]));
    tensors.set(`${model}bert.pooler.dense.bias`, float32(head.denseBias, [H]));
  }
  return new Map<string, Uint8Array | string>([
    ["adapter_config.json", `${JSON.stringify(sorted(config), null, 2)}\n`],
    ["adapter_model.safetensors", writeSafetensors(tensors, new Map([["format", "pt"]]))],
    [LABELS_FILE, `${JSON.stringify({ ...manifest.labels }, null, 2)}\n`],
    ["README.md", readme(prompt)],
  ]);
}

type Exported =
  | KvPrompt<Use<"textClassification">>
  | SoftPrompt<Use<"textClassification">>
  | LoraPrompt<Use<"textClassification">>;

/** The tensors besides the head's, and the fields of the config that such an adapter has of its own. */
async function promptPart(prompt: Exported, base: BaseModel) {
  const { hiddenSize, heads, layers: all } = prompt.manifest.backbone;
  if (prompt.method === "lora") return loraAdapter(prompt.lora, prompt.manifest.sites.firstLayer, all);
  const { kind, tensor, own } = await tokensPart(prompt, base);
  return {
    kind,
    tensors: new Map([["prompt_embeddings", tensor]]),
    own: {
      num_attention_heads: heads,
      num_layers: all,
      num_transformer_submodules: 1,
      num_virtual_tokens: tensor.dims[0],
      token_dim: hiddenSize,
      ...own,
    },
  };
}

async function tokensPart(prompt: Exclude<Exported, { method: "lora" }>, base: BaseModel) {
  if (prompt.method === "kv") {
    const { data, layers, heads, tokens, headDim } = prompt.kv;
    const columns = toColumns(data, { layers, heads, tokens, headDim });
    return {
      kind: "PREFIX_TUNING",
      tensor: float32(columns, [tokens, layers * 2 * heads * headDim]),
      own: { encoder_hidden_size: heads * headDim, prefix_projection: false },
    };
  }
  const { data, tokens, hidden } = prompt.soft;
  return {
    kind: "PROMPT_TUNING",
    tensor: float32(await unembedPrompt(data, base), [tokens, hidden]),
    own: {
      prompt_tuning_init: "RANDOM",
      prompt_tuning_init_text: null,
      tokenizer_kwargs: null,
      tokenizer_name_or_path: null,
    },
  };
}

/** The head, once it is sure that PEFT reads text, prompt and head as we do. */
async function readAsPeftDoes(
  prompt: Exported,
  base: BaseModel,
): Promise<{ head: MlpHead; hasOwnPooler: boolean }> {
  const { head, manifest, method } = prompt;
  const { reading, backbone } = manifest;
  // Without tokens in front there is nothing to count on behind.
  if (method !== "lora" && reading?.textPositions !== "after_prompt")
    throw otherwise("text positions that count on behind the prompt", "positions from 0");
  const pooling = method === "soft" ? "first_position" : "cls_after_prompt";
  if (reading?.pooling !== pooling)
    throw otherwise(`pooling ${pooling}`, reading?.pooling ?? "the backbone's own pooling");
  if (method === "kv" && prompt.kv.layers !== backbone.layers)
    throw otherwise(`a prefix in all ${backbone.layers} layers`, `${prompt.kv.layers}`);
  if (head.kind !== "mlp") throw otherwise("BERT's pooler and a classifier for head", `a ${head.kind} head`);
  const H = backbone.hiddenSize;
  const hasPooler = base.has("pooler.dense.weight") && base.has("pooler.dense.bias");
  const [weight, bias] = hasPooler
    ? [await base.read("pooler.dense.weight", [H, H]), await base.read("pooler.dense.bias", [H])]
    : [];
  const hasOwnPooler = !same(weight, head.dense) || !same(bias, head.denseBias);
  if (hasOwnPooler && method !== "lora")
    throw otherwise(`the pooler of backbone ${quote(backbone.id)}, which PEFT doesn't save`, "another one");
  return { head, hasOwnPooler };
}

function same(ours: Float32Array | undefined, theirs: Float32Array): boolean {
  return ours !== undefined && theirs.every((value, at) => value === ours[at]);
}

function scaled(weight: Float32Array, scale: number): Float32Array {
  return scale === 1 ? weight : weight.map((value) => value * scale);
}

function sorted(record: object): object {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function readme({ manifest }: TextClassifier): string {
  const { labels, backbone, calibration } = manifest;
  return `---
library_name: peft
base_model: ${JSON.stringify(manifest.origin?.baseModel ?? backbone.id)}
---

Exported by Kilotune. Load it on the base model whose weights have SHA-256 ${backbone.weightsSha256}:

    base = AutoModelForSequenceClassification.from_pretrained(BASE, num_labels=${labels.length})
    model = PeftModel.from_pretrained(base, FOLDER).eval()

The names of the classes are in ${LABELS_FILE}. Kilotune divides the logits by a temperature of ${calibration.temperature}.
Prefix tuning of BERT needs transformers 4: PEFT 0.21 refuses it on 5.
`;
}

function otherwise(expected: string, seen: string) {
  return refuse(
    "not_expressible",
    `a prompt that PEFT reads as Kilotune does: ${expected}`,
    seen,
    "Its numbers would load in PEFT and answer otherwise. Only a prompt that was imported from such a system can go back.",
  );
}
