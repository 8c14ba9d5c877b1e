/**
 * PEFT and P-tuning v2 keep a prefix as [P, 2 L H], one row a token: the column of layer l, key or value s, head n, number d
 * is ((2 l + s) N + n) D + d. Ours is [L, 2, N, P, D].
 *
 * L layers, N heads, P prompt tokens, D head dimension, H = N D.
 */
export interface PrefixSizes {
  readonly layers: number;
  readonly heads: number;
  readonly tokens: number;
  readonly headDim: number;
}

export function fromColumns(columns: Float32Array, sizes: PrefixSizes): Float32Array {
  const { tokens: P, headDim: D } = sizes;
  const parts = partsOf(sizes);
  const kv = new Float32Array(columns.length);
  for (let part = 0; part < parts; part++)
    for (let token = 0; token < P; token++) {
      const from = (token * parts + part) * D;
      kv.set(columns.subarray(from, from + D), (part * P + token) * D);
    }
  return kv;
}

export function toColumns(kv: Float32Array, sizes: PrefixSizes): Float32Array {
  const { tokens: P, headDim: D } = sizes;
  const parts = partsOf(sizes);
  const columns = new Float32Array(kv.length);
  for (let part = 0; part < parts; part++)
    for (let token = 0; token < P; token++) {
      const from = (part * P + token) * D;
      columns.set(kv.subarray(from, from + D), (token * parts + part) * D);
    }
  return columns;
}

/** Runs of D numbers that a token has. */
function partsOf({ layers, heads }: PrefixSizes): number {
  return layers * 2 * heads;
}
