import { bfloat16ToFloat32 } from "../float16.ts";
import type { Tensor } from "../tensor.ts";
import {
  DEFAULT_CAPS,
  LENGTH_BYTES,
  parseHeader,
  parseHeaderLength,
  quote,
  refuse,
  type SafetensorsCaps,
  type SafetensorsEntry,
  type SafetensorsHeader,
} from "./header.ts";
import { tensorFromBytes } from "./tensor-bytes.ts";

export interface SafetensorsFile {
  readonly metadata: ReadonlyMap<string, string>;
  readonly tensors: ReadonlyMap<string, Tensor>;
}

/**
 * Reads a file that is in memory. The tensors are views of `bytes` where alignment allows; bfloat16 becomes float32.
 * Throws `bad_safetensors` unless the file is sound to the last byte; numbers may still be NaN (see assertFinite).
 */
export function readSafetensors(bytes: Uint8Array, caps: Partial<SafetensorsCaps> = {}): SafetensorsFile {
  const allCaps = { ...DEFAULT_CAPS, ...caps };
  const start = bytes.subarray(0, LENGTH_BYTES);
  const length = parseHeaderLength(start, bytes.length, allCaps);
  const json = bytes.subarray(LENGTH_BYTES, LENGTH_BYTES + length);
  const { metadata, entries } = parseHeader(start, json, bytes.length, allCaps);
  const tensors = new Map<string, Tensor>();
  for (const [name, entry] of entries) {
    tensors.set(name, readTensor(name, entry, bytes.subarray(entry.offset, entry.offset + entry.length)));
  }
  return { metadata, tensors };
}

/**
 * Reads only the header of a file of `sizeBytes`, whose weights may be larger than memory. `read` gives the bytes
 * [offset, offset + length) of the file. Throws `bad_safetensors`.
 */
export async function readSafetensorsHeader(
  read: (offset: number, length: number) => Promise<Uint8Array>,
  sizeBytes: number,
  caps: Partial<SafetensorsCaps> = {},
): Promise<SafetensorsHeader> {
  const allCaps = { ...DEFAULT_CAPS, ...caps };
  const start = await readAll(read, 0, Math.min(LENGTH_BYTES, sizeBytes));
  const length = parseHeaderLength(start, sizeBytes, allCaps);
  const json = await readAll(read, LENGTH_BYTES, length);
  return parseHeader(start, json, sizeBytes, allCaps);
}

/** The tensor of one entry, from its bytes: for those who read a big file piece by piece. */
export function readTensor(
  name: string,
  { dtype, dims, length }: SafetensorsEntry,
  bytes: Uint8Array,
): Tensor {
  if (bytes.length !== length) throw cutOff(`${length} bytes of tensor ${quote(name)}`, bytes.length);
  if (dtype === "bfloat16") {
    const bits = tensorFromBytes("float16", dims, bytes).data as Uint16Array;
    return { type: "float32", dims, data: bfloat16ToFloat32(bits) };
  }
  if (dtype === "bool" && bytes.some((byte) => byte > 1)) {
    throw refuse(`tensor ${quote(name)} to have the bytes 0 and 1`, "another byte", "Store it as U8.");
  }
  return tensorFromBytes(dtype, dims, bytes);
}

async function readAll(
  read: (offset: number, length: number) => Promise<Uint8Array>,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  const bytes = await read(offset, length);
  if (bytes.length !== length) throw cutOff(`${length} bytes from offset ${offset}`, bytes.length);
  return bytes;
}

function cutOff(expected: string, seenBytes: number) {
  return refuse(expected, `${seenBytes} bytes`, "The file is shorter than its size says: fetch it again.");
}
