import type { ImageFeature } from "@kilotune/backbone";
import type { Feeds, Session, Tensor } from "@kilotune/engine";
import { normalizeRows } from "../head/class-means.ts";
import type { RowStore } from "../task.ts";

/**
 * Unit vectors of all rows as they are, [rows, H] flat.
 *
 * @param upper a session of the `upper` graph that wants what `feature` reads
 * @param prompt what its site reads
 */
export async function embedImages(
  upper: Session,
  store: RowStore,
  feature: ImageFeature,
  prompt: Feeds = {},
): Promise<Float32Array> {
  const rows = [...store.lengths.keys()];
  let vectors = new Float32Array();
  for (const pass of store.passes(rows)) {
    const results = await upper.run({ ...(await store.batch(pass)), ...prompt });
    const found = feature === "cls" ? results.cls : undefined;
    const part = found ? (found.data as Float32Array) : meanPatches(results.patches as Tensor);
    const width = part.length / pass.length;
    if (vectors.length === 0) vectors = new Float32Array(rows.length * width);
    vectors.set(part, (pass[0] as number) * width);
  }
  return vectors.length === 0 ? vectors : normalizeRows(vectors, vectors.length / rows.length);
}

/** Patches [B, N, H] -> [B, H] flat */
export function meanPatches({ data, dims }: Tensor): Float32Array {
  const [B, N, H] = dims as [number, number, number];
  const means = new Float32Array(B * H);
  for (let row = 0; row < B * N; row++) {
    const to = Math.floor(row / N) * H;
    for (let at = 0; at < H; at++)
      means[to + at] = (means[to + at] as number) + (data[row * H + at] as number) / N;
  }
  return means;
}
