import type { Session, Tensor } from "@kilotune/engine";
import { normalizeRows } from "../head/class-means.ts";
import type { RowStore } from "../task.ts";
import { meanPatches } from "./embed-images.ts";

/** Unit vectors of an image as the frozen backbone sees it, each [rows, H] flat, `both` [rows, 2 H]: what baselines stand on. */
export interface FrozenFeatures {
  readonly cls: Float32Array;
  readonly mean: Float32Array;
  readonly both: Float32Array;
}

/** @param upper an `upper` session without a prompt that wants class token and patches */
export async function frozenFeatures(upper: Session, store: RowStore): Promise<FrozenFeatures> {
  const rows = [...store.lengths.keys()];
  const parts: { cls: Float32Array; mean: Float32Array }[] = [];
  for (const pass of store.passes(rows)) {
    const { cls, patches } = await upper.run(await store.batch(pass));
    parts.push({ cls: cls?.data as Float32Array, mean: meanPatches(patches as Tensor) });
  }
  const H = rows.length === 0 ? 0 : parts.reduce((sum, { cls }) => sum + cls.length, 0) / rows.length;
  const cls = unit(
    parts.map((part) => part.cls),
    H,
  );
  const mean = unit(
    parts.map((part) => part.mean),
    H,
  );
  const both = new Float32Array(2 * cls.length);
  for (const row of rows) {
    both.set(cls.subarray(row * H, (row + 1) * H), 2 * row * H);
    both.set(mean.subarray(row * H, (row + 1) * H), (2 * row + 1) * H);
  }
  return { cls, mean, both: normalizeRows(both, 2 * H) };
}

function unit(parts: readonly Float32Array[], width: number): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return normalizeRows(all, width);
}
