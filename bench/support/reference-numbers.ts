import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { type Feeds, float32, readSafetensors, type Tensor, writeSafetensors } from "@kilotune/engine";
import type { Prng } from "@kilotune/dataset";
import { runPeer } from "../peer.ts";
import { withFolder } from "./temporary.ts";

/** What a goldens folder's `reference.py` makes of a checkpoint and these inputs, by PyTorch. */
export async function referenceNumbers(
  goldens: string,
  checkpoint: string,
  given: Feeds,
): Promise<ReadonlyMap<string, Tensor>> {
  return withFolder(async (folder) => {
    const [from, to] = [path.join(folder, "given.safetensors"), path.join(folder, "wanted.safetensors")];
    await writeFile(from, writeSafetensors(new Map(Object.entries(given)), new Map()));
    await runPeer(path.join(goldens, "reference.py"), [checkpoint, from, to]);
    return readSafetensors(new Uint8Array(await readFile(to))).tensors;
  });
}

/** Normal numbers of that deviation. */
export function normal(random: Prng, dims: readonly number[], deviation: number): Tensor {
  const size = dims.reduce((product, dim) => product * dim, 1);
  return float32(
    Float32Array.from({ length: size }, () => deviation * random.normal()),
    dims,
  );
}
