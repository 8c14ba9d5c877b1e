import type { Backbone, VisionBackbone } from "@kilotune/backbone";
import { float32, type Tensor } from "@kilotune/engine";
import { leastSquares } from "./optimizer/least-squares.ts";

/**
 * Deep prompts [L - firstLayer, P, H], flat -> `kv` [L - firstLayer, 2, N, P, D], what a file holds of them and what is served: the
 * keys and values that they are to every text or image.
 */
export async function deepPrefix(
  backbone: AnyBackbone,
  firstLayer: number,
  deep: Float32Array,
): Promise<Tensor> {
  const { layers, hiddenSize } = backbone.manifest.config;
  const prompted = layers - firstLayer;
  const session = await backbone.open({ kind: "prefix", firstLayer });
  try {
    const { kv } = await session.run({
      deep: float32(deep, [prompted, deep.length / (prompted * hiddenSize), hiddenSize]),
    });
    return kv as Tensor;
  } finally {
    await session.release();
  }
}

/**
 * Back again, flat: of keys and values [L - firstLayer, 2, N, P, D] that deep prompts became, and a file rounded, deep prompts that
 * become them. Those of a prefix that was tuned as one stand for no tokens: what comes back is another prompt.
 *
 * To a layer without a norm in front of it keys and values are A t + b of a token t; with one they are A n + b of the direction n
 * that the norm leaves of it. Both are linear, and what the frozen layer makes of unit vectors tells A: least squares do the rest.
 *
 * @param like deep prompts as a run begins with them at random: directions get their length, which is what rates were chosen for
 */
export async function deepOfPrefix(
  backbone: AnyBackbone,
  firstLayer: number,
  kv: Float32Array,
  like: Float32Array,
): Promise<Float32Array> {
  const { layers, hiddenSize: H } = backbone.manifest.config;
  const prompted = layers - firstLayer;
  const tokens = kv.length / (2 * prompted * H);
  const { data, dims } = await deepPrefix(backbone, firstLayer, unitTokens(prompted, H));
  const units = byToken(data as Float32Array, dims as PrefixDims);
  const wanted = byToken(kv, [prompted, 2, dims[2] as number, tokens, dims[4] as number]);
  const deviation = Math.sqrt(like.reduce((sum, value) => sum + value ** 2, 0) / like.length);
  const deep = new Float32Array(prompted * tokens * H);
  for (let layer = 0; layer < prompted; layer++) {
    const inFront = isNormInFront(backbone, firstLayer + layer);
    // A unit vector less its mean has the deviation that a norm divides by.
    const unit = inFront ? Math.sqrt((1 / H) * (1 - 1 / H)) : 1 / UNIT;
    const [origin, ...others] = units[layer] as [Float32Array, ...Float32Array[]];
    const columns = others.map((own) =>
      Float64Array.from(own, (value, at) => unit * (value - (origin[at] as number))),
    );
    const solve = leastSquares(columns);
    (wanted[layer] as Float32Array[]).forEach((own, token) => {
      const found = solve(Float64Array.from(own, (value, at) => value - (origin[at] as number)));
      const length = inFront ? deviation : 1;
      for (let h = 0; h < H; h++) deep[(layer * tokens + token) * H + h] = length * (found[h] as number);
    });
  }
  return deep;
}

type AnyBackbone = Backbone | VisionBackbone;
type PrefixDims = readonly [L: number, two: number, N: number, P: number, D: number];

/** So long that a norm's epsilon is nothing beside it. */
const UNIT = 100;

/** Nothing, and the unit vectors, to each layer: [prompted, 1 + H, H] flat. */
function unitTokens(prompted: number, H: number): Float32Array {
  const tokens = new Float32Array(prompted * (1 + H) * H);
  for (let layer = 0; layer < prompted; layer++)
    for (let h = 0; h < H; h++) tokens[(layer * (1 + H) + 1 + h) * H + h] = UNIT;
  return tokens;
}

/** [L, 2, N, P, D] flat -> of each layer and token its keys and values, [2 N D]. */
function byToken(kv: Float32Array, [L, , N, P, D]: PrefixDims): Float32Array[][] {
  const ofToken = (layer: number, token: number) => {
    const own = new Float32Array(2 * N * D);
    for (let head = 0; head < 2 * N; head++) {
      const from = ((layer * 2 * N + head) * P + token) * D;
      own.set(kv.subarray(from, from + D), head * D);
    }
    return own;
  };
  return Array.from({ length: L }, (_, layer) =>
    Array.from({ length: P }, (_, token) => ofToken(layer, token)),
  );
}

function isNormInFront({ manifest: { config } }: AnyBackbone, layer: number): boolean {
  // The first layer of texts reads what is normed already.
  return !("norms" in config) || (config.norms === "in front" && layer > 0);
}
