import { open } from "node:fs/promises";
import { KilotuneError } from "@kilotune/contract";
import {
  assertFinite,
  float16ToFloat32,
  layOutSafetensors,
  readTensor,
  type SafetensorsHeader,
  type Tensor,
  writeSafetensorsStream,
} from "@kilotune/engine";
import { openFile, readAt, readHeader } from "./checkpoint-files.ts";

/** A weight of a bundle: its name there, and the checkpoint's tensors it is made of. */
export interface PlannedWeight {
  readonly ours: string;
  readonly dims: readonly number[];
  readonly from: readonly string[];
  /** Default float32. */
  readonly dtype?: "float32" | "int8";
  /** Left out where the one tensor is taken as it is. */
  readonly make?: (parts: readonly Float32Array[]) => Float32Array | Int8Array;
}

export interface WrittenWeights {
  readonly header: SafetensorsHeader;
  readonly sizeBytes: number;
}

/** Writes a bundle's weights file from a checkpoint's: our names, our order. One weight in memory at a time. */
export async function copyWeights(
  from: string,
  to: string,
  plan: (shapes: ReadonlyMap<string, readonly number[]>) => readonly PlannedWeight[],
): Promise<WrittenWeights> {
  const file = await openFile(from);
  try {
    const source = await readHeader(file);
    const weights = plan(new Map([...source.entries].map(([name, { dims }]) => [name, dims])));
    const read = async (name: string) => {
      const entry = source.entries.get(name);
      if (entry === undefined) throw new Error(`${name} was mapped and isn't there`);
      return asFloat32(readTensor(name, entry, await readAt(file, entry.offset, entry.length)), name);
    };
    return await writeWeights(to, weights, read);
  } finally {
    await file.close();
  }
}

/** The same of tensors from anywhere. */
export async function writeWeights(
  to: string,
  weights: readonly PlannedWeight[],
  read: (name: string) => Float32Array | Promise<Float32Array>,
): Promise<WrittenWeights> {
  const out = await open(to, "wx");
  try {
    const stored = weights.map(({ ours, dims, dtype = "float32" }) => ({ name: ours, dtype, dims }));
    const byName = new Map(weights.map((weight) => [weight.ours, weight]));
    const { header, sizeBytes } = layOutSafetensors(stored);
    const bytesOf = async (ours: string) => {
      const { from, make } = byName.get(ours) as PlannedWeight;
      const parts: Float32Array[] = [];
      for (const name of from) parts.push(await read(name));
      const data = make === undefined ? (parts[0] as Float32Array) : make(parts);
      return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    };
    for await (const chunk of writeSafetensorsStream(stored, new Map(), bytesOf)) await out.write(chunk);
    return { header, sizeBytes };
  } finally {
    await out.close();
  }
}

function asFloat32(tensor: Tensor, name: string): Float32Array {
  assertFinite(tensor, name);
  if (tensor.type === "float32") return tensor.data as Float32Array;
  if (tensor.type === "float16") return float16ToFloat32(tensor.data as Uint16Array);
  throw new KilotuneError(
    "bad_weights",
    `expected ${name} as float32, float16 or bfloat16, saw ${tensor.type}`,
    "Save the checkpoint unquantised.",
  );
}
