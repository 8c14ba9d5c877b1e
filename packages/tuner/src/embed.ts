import type { Feeds, Session } from "@kilotune/engine";
import { lengthBatches } from "./data/batches.ts";
import type { HiddenStore } from "./data/hidden-store.ts";

/** Unit sentence vectors of all rows, [rows, H] flat, by an `upper` session; `prompt` is what its site reads. */
export async function embed(
  upper: Session,
  store: HiddenStore,
  hiddenSize: number,
  prompt: Feeds = {},
): Promise<Float32Array> {
  const vectors = new Float32Array(store.rows.length * hiddenSize);
  for (const batch of lengthBatches(store.lengths, 64)) {
    const { embedding } = await upper.run({ ...(await store.batch(batch)), ...prompt });
    const data = embedding?.data as Float32Array;
    batch.forEach((row, at) => {
      vectors.set(data.subarray(at * hiddenSize, (at + 1) * hiddenSize), row * hiddenSize);
    });
  }
  return vectors;
}
