import { type BackboneManifest, packTexts } from "@kilotune/backbone";
import { type Feeds, float32, int64, type Tensor } from "@kilotune/engine";
import type { Bucket } from "./buckets.ts";
import type { PreparedPrompt } from "./prepare-prompt.ts";

/** One text on its way through the backbone. */
export interface Row {
  /** Special tokens included, at most what the prompt and the backbone allow. */
  readonly ids: Int32Array;
  readonly truncated: boolean;
  /** undefined: the plain backbone. */
  readonly prompt: PreparedPrompt | undefined;
  readonly bucket: Bucket;
}

/**
 * Rows of one bucket -> feeds of the serving graph, whatever their prompts are.
 * B rows, S positions, M prefixes, L layers, N heads, P slots, D head dimension, Q soft vectors, H hidden size.
 */
export function assemble(
  rows: readonly Row[],
  { sequence, prefix }: Bucket,
  manifest: BackboneManifest,
): Feeds {
  return {
    ...packTexts(
      rows.map(({ ids }) => ids),
      sequence,
      manifest.pooling,
      rows.map(({ prompt }) => prompt?.place ?? {}),
    ),
    ...softFeeds(rows, sequence, manifest.config.hiddenSize),
    ...prefixFeeds(rows, prefix, manifest.config),
  };
}

/** A table of the distinct prompts' vectors, row 0 empty, and which of them stands at each position (0: text). */
function softFeeds(rows: readonly Row[], sequence: number, hiddenSize: number): Feeds {
  const firstRow = new Map<PreparedPrompt, number>();
  let tableRows = 1;
  for (const { prompt } of rows) {
    if (prompt?.soft === undefined || firstRow.has(prompt)) continue;
    firstRow.set(prompt, tableRows);
    tableRows += prompt.soft.tokens;
  }
  const table = new Float32Array(tableRows * hiddenSize);
  for (const [prompt, first] of firstRow) table.set(prompt.soft!.data, first * hiddenSize);
  const index = new BigInt64Array(rows.length * sequence);
  rows.forEach(({ prompt }, at) => {
    if (prompt?.soft === undefined) return;
    const first = firstRow.get(prompt)!;
    for (let token = 0; token < prompt.soft.tokens; token++) {
      index[at * sequence + token] = BigInt(first + token);
    }
  });
  return {
    soft: float32(table, [tableRows, hiddenSize]),
    soft_index: int64(index, [rows.length, sequence]),
  };
}

/** A table of the distinct prefixes and which of them each row has. Rows without one share a masked one. */
function prefixFeeds(
  rows: readonly Row[],
  P: number,
  { layers: L, heads: N, headDim: D }: BackboneManifest["config"],
): Feeds {
  const places = new Map<PreparedPrompt | typeof NONE, number>();
  const keyOf = ({ prompt }: Row) => (prompt?.prefix === undefined ? NONE : prompt);
  for (const row of rows) if (!places.has(keyOf(row))) places.set(keyOf(row), places.size);
  const M = places.size;
  const index = int64(
    BigInt64Array.from(rows, (row) => BigInt(places.get(keyOf(row))!)),
    [rows.length],
  );
  const feeds = (kv: Float32Array, mask: Float32Array): Record<string, Tensor> => ({
    kv: float32(kv, [M, L, 2, N, P, D]),
    kv_mask: float32(mask, [M, L, P]),
    kv_index: index,
  });
  const [only] = places.keys();
  if (M === 1 && only !== NONE) return feeds(only!.prefix!.block, only!.prefix!.mask);
  const kv = new Float32Array(M * L * 2 * N * P * D);
  const mask = new Float32Array(M * L * P);
  for (const [prompt, place] of places) {
    if (prompt === NONE) continue;
    kv.set(prompt.prefix!.block, place * L * 2 * N * P * D);
    mask.set(prompt.prefix!.mask, place * L * P);
  }
  return feeds(kv, mask);
}

const NONE = "none";
