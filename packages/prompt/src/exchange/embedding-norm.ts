import type { BaseModel } from "./base-model.ts";
import { refuse } from "./refuse.ts";

/**
 * PEFT puts its tokens in place of word embeddings: the model still adds position and token type, and norms the sum. Ours
 * stand behind all that. So an import does for the prompt what the model would, once; an export undoes it.
 *
 * P prompt tokens at positions 0 to P - 1, H hidden size.
 */
export async function embedPrompt(words: Float32Array, base: BaseModel): Promise<Float32Array> {
  const { norm, added } = await embeddingParts(words.length, base);
  return norm(words.map((value, at) => value + added[at]!));
}

/**
 * The inverse. The norm forgets a row's mean and length, so what comes back is normed already; the model gives the same
 * for it but for rounding, which is checked.
 * @throws KilotuneError `not_expressible`
 */
export async function unembedPrompt(soft: Float32Array, base: BaseModel): Promise<Float32Array> {
  const { norm, added, weight, bias } = await embeddingParts(soft.length, base);
  const words = soft.map((value, at) => {
    const h = at % weight.length;
    return (value - bias[h]!) / weight[h]! - added[at]!;
  });
  const again = norm(words.map((value, at) => value + added[at]!));
  const worst = again.reduce((most, value, at) => Math.max(most, Math.abs(value - soft[at]!)), 0);
  // Not `worst > ..`: a weight of 0 gives NaN.
  if (worst <= MOST_ROUNDING) return words;
  throw refuse(
    "not_expressible",
    "soft tokens that are the norm of an embedding",
    `tokens that differ from one by ${worst}`,
    "PEFT's tokens pass through the embeddings' norm and these never did: only a prompt that came from PEFT can go back.",
  );
}

/** Between neighbours of float32 at the size of a normed state, and what four steps of rounding add. */
const MOST_ROUNDING = 1e-5;

async function embeddingParts(length: number, base: BaseModel) {
  const { backbone, maxPositions, layerNormEpsilon } = base.about;
  const { hiddenSize: H } = backbone;
  const positions = await base.read("embeddings.position_embeddings.weight", [maxPositions, H]);
  const types = await base.read("embeddings.token_type_embeddings.weight", [-1, H]);
  const weight = await base.read("embeddings.LayerNorm.weight", [H]);
  const bias = await base.read("embeddings.LayerNorm.bias", [H]);
  const added = Float32Array.from({ length }, (_, at) => positions[at]! + types[at % H]!);
  const norm = (rows: Float32Array): Float32Array => {
    const normed = new Float32Array(rows.length);
    for (let start = 0; start < rows.length; start += H) {
      const row = rows.subarray(start, start + H);
      const mean = row.reduce((sum, value) => sum + value, 0) / H;
      const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / H;
      const scale = 1 / Math.sqrt(variance + layerNormEpsilon);
      row.forEach((value, h) => {
        normed[start + h] = (value - mean) * scale * weight[h]! + bias[h]!;
      });
    }
    return normed;
  };
  return { norm, added, weight, bias };
}
