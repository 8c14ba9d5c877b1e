import type { MlpHead } from "../prompt.ts";
import type { BaseModel } from "./base-model.ts";
import { list, quote, refuse } from "./refuse.ts";
import { missing, readNumbers, type TensorFile } from "./tensor-file.ts";

/**
 * The head of BertForSequenceClassification: the pooler, tanh of a dense layer, and the classifier. The classifier comes
 * with the prompt; the pooler is frozen and comes from the backbone, unless the file brings one.
 */
export interface HeadNames {
  readonly weight: string;
  readonly bias: string;
  readonly pooler?: { readonly weight: string; readonly bias: string };
}

/**
 * Finds the head among a file's names, under every spelling that PEFT has written: `base_model.classifier.weight` (prompts),
 * `base_model.model.classifier.weight` (LoRA), `classifier.modules_to_save.default.weight` (a state dict of the wrapped
 * model), or no prefix at all (transformers). The untrained copy that PEFT keeps, `original_module`, is dropped.
 * @returns undefined where there is none, and the names that belong to no head
 * @throws KilotuneError `unsupported_prompt_kind`, `bad_foreign_prompt`
 */
export function findHead(file: TensorFile): { head: HeadNames | undefined; others: string[] } {
  const found = new Map<string, string>();
  const others: string[] = [];
  for (const name of file.shapes.keys()) {
    const plain = plainHeadName(name);
    if (plain === undefined) others.push(name);
    else if (plain !== DROPPED) {
      const before = found.get(plain);
      if (before !== undefined) throw twice(file, before, name);
      found.set(plain, name);
    }
  }
  refuseOtherHeads(file, [...found]);
  const [weight, bias] = [found.get("classifier.weight"), found.get("classifier.bias")];
  const [dense, denseBias] = [found.get("pooler.dense.weight"), found.get("pooler.dense.bias")];
  if (found.size === 0) return { head: undefined, others };
  const wanted = ["classifier.weight", "classifier.bias"];
  if (dense !== undefined || denseBias !== undefined) wanted.push("pooler.dense.weight", "pooler.dense.bias");
  const absent = wanted.filter((name) => !found.has(name));
  const surplus = [...found].filter(([plain]) => !wanted.includes(plain)).map(([, name]) => name);
  if (absent.length + surplus.length > 0) throw missing(file, absent, surplus);
  const pooler = dense === undefined ? {} : { pooler: { weight: dense, bias: denseBias! } };
  return { head: { weight: weight!, bias: bias!, ...pooler }, others };
}

/** @throws KilotuneError `no_head` where neither file nor backbone has a pooler; `bad_foreign_prompt`; EngineError `non_finite` */
export async function readHead(file: TensorFile, names: HeadNames, base: BaseModel): Promise<MlpHead> {
  const { hiddenSize: H } = base.about.backbone;
  const { data: weight, dims } = await readNumbers(file, names.weight, [-1, H]);
  const { data: bias } = await readNumbers(file, names.bias, [dims[0]!]);
  const { pooler } = names;
  if (pooler !== undefined) {
    const { data: dense } = await readNumbers(file, pooler.weight, [H, H]);
    const { data: denseBias } = await readNumbers(file, pooler.bias, [H]);
    return { kind: "mlp", dense, denseBias, weight, bias, scale: 1 };
  }
  if (!base.has("pooler.dense.weight") || !base.has("pooler.dense.bias")) {
    throw refuse(
      "no_head",
      "a pooler, which the classifier reads",
      `none in ${file.path}, and none in the backbone ${quote(base.about.backbone.id)}`,
      "Its weights were drawn at random where the prompt was tuned, and the other system didn't save them: export the whole model there.",
    );
  }
  const dense = await base.read("pooler.dense.weight", [H, H]);
  const denseBias = await base.read("pooler.dense.bias", [H]);
  return { kind: "mlp", dense, denseBias, weight, bias, scale: 1 };
}

export function noHead(file: TensorFile) {
  return refuse(
    "no_head",
    "head tensors, classifier.weight and classifier.bias",
    `no head tensors in ${file.path}`,
    "Give the file that has them: --head FILE. A prompt without its head answers at random.",
  );
}

const DROPPED = "";

/** `classifier.weight` and the like; undefined for a name of no head. */
function plainHeadName(name: string): string | undefined {
  const match = /^(?:base_model\.)?(?:model\.)?(?:bert\.)?((?:classifier|score|qa_outputs|pooler)\..+)$/.exec(
    name,
  );
  if (match === null) return undefined;
  const plain = match[1]!;
  if (plain.includes(".original_module.")) return DROPPED;
  return plain.replace(/\.modules_to_save\.(?:[^.]+\.)?(?=(?:.+\.)?(?:weight|bias)$)/, ".");
}

const OTHER_HEADS: readonly [RegExp, string][] = [
  [/^classifier\.(dense|out_proj)\./, "a head of RoBERTa, which has its own dense layer"],
  [/^score\./, "a head of a decoder, which reads the last token"],
  [/^qa_outputs\./, "a head that finds spans of answers"],
];

function refuseOtherHeads(
  file: TensorFile,
  found: readonly (readonly [plain: string, name: string])[],
): void {
  for (const [pattern, kind] of OTHER_HEADS) {
    const names = found.filter(([plain]) => pattern.test(plain)).map(([, name]) => name);
    if (names.length === 0) continue;
    throw refuse(
      "unsupported_prompt_kind",
      `${file.path}: the head of a BERT that classifies texts`,
      `${kind}: ${list(names)}`,
      "Only prompts of BertForSequenceClassification are carried over so far.",
    );
  }
}

function twice(file: TensorFile, first: string, second: string) {
  return refuse(
    "bad_foreign_prompt",
    `${file.path}: each tensor of the head once`,
    `${quote(first)} and ${quote(second)}`,
    "It isn't known which one was trained: remove the other.",
  );
}
