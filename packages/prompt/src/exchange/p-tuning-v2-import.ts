import { assertSameWeights, type BaseModel, plainBertName } from "./base-model.ts";
import { assertLength, type ForeignPrompt } from "./foreign-prompt.ts";
import { findHead, type HeadNames } from "./heads.ts";
import { fromColumns } from "./prefix-columns.ts";
import { list, refuse } from "./refuse.ts";
import { missing, readNumbers, type TensorFile } from "./tensor-file.ts";

/**
 * A checkpoint of P-tuning v2 (github.com/THUDM/P-tuning-v2), the whole model with its frozen weights or only what was tuned.
 * A projected prefix, W2 tanh(W0 e + b0) + b2, is folded into its values. The frozen weights that the file brings must be
 * the backbone's: nothing else would give its logits.
 *
 * P prompt tokens, H hidden size, L layers, N heads, D head dimension, M width of the projection.
 * @throws KilotuneError `unsupported_prompt_kind`, `bad_foreign_prompt`, `prompt_too_long`; EngineError `non_finite`
 */
export async function importPTuningV2(
  file: TensorFile,
  base: BaseModel,
): Promise<{ prompt: ForeignPrompt; head: HeadNames | undefined }> {
  const names = [...file.shapes.keys()];
  if (names.includes("prefix_encoder.weight")) {
    throw unsupported(
      "a prefix",
      '"prefix_encoder.weight", a prompt of input tokens, with which P-tuning v2 embeds the words of a text twice',
    );
  }
  const other = names.filter((name) => /^(roberta|deberta)\./.test(name));
  if (other.length > 0) throw unsupported("a model of the family bert", list(other));
  const { head, others } = findHead(file);
  const carried = others.filter((name) => name.startsWith("bert."));
  const isProjected = others.includes(`${PROJECTION}0.weight`);
  const wanted = [EMBEDDING, ...(isProjected ? PROJECTION_NAMES : [])];
  const absent = wanted.filter((name) => !others.includes(name));
  const surplus = others.filter((name) => !wanted.includes(name) && !name.startsWith("bert."));
  if (absent.length + surplus.length > 0) throw missing(file, absent, surplus);
  const weights = carried.filter((name) => !/^bert\.embeddings\.(position_ids|token_type_ids)$/.test(name));
  await assertSameWeights(file, new Map(weights.map((name) => [name, plainBertName(name)])), base);

  const { layers: L, heads: N, headDim: D, hiddenSize: H } = base.about.backbone;
  const width = L * 2 * N * D;
  const { data, dims } = await readNumbers(file, EMBEDDING, [-1, isProjected ? H : width]);
  const tokens = dims[0]!;
  assertLength(tokens, base);
  const columns = isProjected ? await project(data, file, H, width) : data;
  const sizes = { layers: L, heads: N, tokens, headDim: D };
  return { prompt: { method: "kv", data: fromColumns(columns, sizes), tokens }, head };
}

const EMBEDDING = "prefix_encoder.embedding.weight";
const PROJECTION = "prefix_encoder.trans.";
const PROJECTION_NAMES = ["0.weight", "0.bias", "2.weight", "2.bias"].map((name) => `${PROJECTION}${name}`);

/** [P, H] -> [P, width] */
async function project(
  tokens: Float32Array,
  file: TensorFile,
  H: number,
  width: number,
): Promise<Float32Array> {
  const read = (name: string, dims: readonly number[]) => readNumbers(file, `${PROJECTION}${name}`, dims);
  const first = await read("0.weight", [-1, H]);
  const M = first.dims[0]!;
  const firstBias = await read("0.bias", [M]);
  const second = await read("2.weight", [width, M]);
  const secondBias = await read("2.bias", [width]);
  const inner = dense(Float64Array.from(tokens), first.data, firstBias.data).map(Math.tanh);
  return Float32Array.from(dense(inner, second.data, secondBias.data));
}

/** rows [P, in], weight [out, in], bias [out] -> [P, out] */
function dense(rows: Float64Array, weight: Float32Array, bias: Float32Array): Float64Array {
  const width = weight.length / bias.length;
  const P = rows.length / width;
  const out = new Float64Array(P * bias.length);
  for (let row = 0; row < P; row++)
    for (let o = 0; o < bias.length; o++) {
      let sum = bias[o]!;
      for (let i = 0; i < width; i++) sum += weight[o * width + i]! * rows[row * width + i]!;
      out[row * bias.length + o] = sum;
    }
  return out;
}

function unsupported(expected: string, seen: string) {
  return refuse(
    "unsupported_prompt_kind",
    `a P-tuning v2 checkpoint with ${expected}`,
    seen,
    "Its prefix models of BERT are carried over; for the rest tune again with `kilotune tune`.",
  );
}
