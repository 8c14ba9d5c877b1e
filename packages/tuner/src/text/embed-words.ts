import type { Feeds, Session } from "@kilotune/engine";
import { lengthBatches } from "../data/batches.ts";
import type { HiddenStore } from "../data/hidden-store.ts";
import { normalizeRows } from "../head/class-means.ts";

/**
 * Unit hidden states of the words' first tokens, text by text, [words that have one, H] flat.
 *
 * @param upper a session of the backbone's `upper` graph for tokens @param prompt what its site reads
 */
export async function embedWords(
  upper: Session,
  { store, firsts }: { readonly store: HiddenStore; readonly firsts: readonly Int32Array[] },
  hiddenSize: number,
  prompt: Feeds = {},
): Promise<Float32Array> {
  const starts: number[] = [];
  let words = 0;
  for (const first of firsts) {
    starts.push(words);
    words += first.reduce((sum, token) => sum + (token >= 0 ? 1 : 0), 0);
  }
  const vectors = new Float32Array(words * hiddenSize);
  for (const batch of lengthBatches(store.lengths, 64)) {
    const { tokens } = await upper.run({ ...(await store.batch(batch)), ...prompt });
    const states = tokens?.data as Float32Array;
    const length = tokens?.dims[1] as number;
    batch.forEach((row, at) => {
      let to = (starts[row] as number) * hiddenSize;
      for (const token of firsts[row] as Int32Array) {
        if (token < 0) continue;
        const from = (at * length + token) * hiddenSize;
        vectors.set(states.subarray(from, from + hiddenSize), to);
        to += hiddenSize;
      }
    });
  }
  return normalizeRows(vectors, hiddenSize);
}
