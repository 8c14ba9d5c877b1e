import { sizeOf, type Tensor } from "../tensor.ts";
import {
  DTYPE_CODES,
  LENGTH_BYTES,
  METADATA_KEY,
  type SafetensorsEntry,
  type SafetensorsHeader,
  type StoredDType,
  storedBytesPerElement,
} from "./header.ts";
import { bytesOfTensor } from "./tensor-bytes.ts";

/** Same tensors and metadata, same bytes, in whatever order they are given. */
export function writeSafetensors(
  tensors: ReadonlyMap<string, Tensor>,
  metadata: ReadonlyMap<string, string> = new Map(),
): Uint8Array {
  const stored = [...tensors].map(([name, { type, dims }]) => ({ name, dtype: type, dims }));
  const { header, headerBytes, sizeBytes } = layOutSafetensors(stored, metadata);
  const file = new Uint8Array(sizeBytes);
  file.set(headerBytes);
  for (const [name, { offset }] of header.entries) file.set(bytesOfTensor(tensors.get(name)!), offset);
  return file;
}

/**
 * The same file in chunks, for weights larger than memory: `data` is asked for the bytes of one tensor at a time, in
 * the order of the file.
 */
export async function* writeSafetensorsStream(
  tensors: readonly StoredTensor[],
  metadata: ReadonlyMap<string, string>,
  data: (name: string) => Promise<Uint8Array> | Uint8Array,
): AsyncGenerator<Uint8Array> {
  const { header, headerBytes } = layOutSafetensors(tensors, metadata);
  yield headerBytes;
  for (const [name, { length }] of header.entries) {
    const bytes = await data(name);
    if (bytes.length !== length)
      throw new Error(`${name}: ${bytes.length} bytes given, its shape has ${length}`);
    yield bytes;
  }
}

export interface StoredTensor {
  readonly name: string;
  readonly dtype: StoredDType;
  readonly dims: readonly number[];
}

export interface SafetensorsLayout {
  /** Entries in the order of the file. */
  readonly header: SafetensorsHeader;
  /** All that stands before the data. */
  readonly headerBytes: Uint8Array;
  readonly sizeBytes: number;
}

/** Where each tensor will stand, before a byte of data is written: a graph can point into the file to come. */
export function layOutSafetensors(
  tensors: readonly StoredTensor[],
  metadata: ReadonlyMap<string, string> = new Map(),
): SafetensorsLayout {
  const fields: string[] = [];
  if (metadata.size > 0) fields.push(field(METADATA_KEY, Object.fromEntries(inKeyOrder(metadata))));
  const places = new Map<string, { begin: number; tensor: StoredTensor }>();
  let end = 0;
  for (const tensor of inFileOrder(tensors)) {
    const { name, dtype, dims } = tensor;
    if (name === METADATA_KEY || places.has(name)) throw new Error(`no tensor may be named ${name} here`);
    places.set(name, { begin: end, tensor });
    const begin = end;
    end += lengthOf(tensor);
    fields.push(field(name, { dtype: DTYPE_CODES[dtype], shape: dims, data_offsets: [begin, end] }));
  }
  const headerBytes = frame(`{${fields.join(",")}}`);
  const dataOffset = headerBytes.length;
  const entries = new Map<string, SafetensorsEntry>();
  for (const [name, { begin, tensor }] of places) {
    const { dtype, dims } = tensor;
    entries.set(name, { dtype, dims, offset: dataOffset + begin, length: lengthOf(tensor) });
  }
  return { header: { dataOffset, metadata, entries }, headerBytes, sizeBytes: dataOffset + end };
}

/** The data starts at a multiple of this, so that every tensor can be viewed in place and by SIMD code. */
const DATA_ALIGNMENT = 64;

function frame(json: string): Uint8Array {
  const text = new TextEncoder().encode(json);
  const size = Math.ceil((LENGTH_BYTES + text.length) / DATA_ALIGNMENT) * DATA_ALIGNMENT;
  const framed = new Uint8Array(size).fill(" ".charCodeAt(0));
  new DataView(framed.buffer).setBigUint64(0, BigInt(size - LENGTH_BYTES), true);
  framed.set(text, LENGTH_BYTES);
  return framed;
}

/**
 * Wide elements first, then by name. The format allows no gaps, so by name alone a float32 behind three int8 would
 * stand unaligned and every reader would have to copy it.
 */
function inFileOrder(tensors: readonly StoredTensor[]): StoredTensor[] {
  return tensors.toSorted(
    (a, b) =>
      storedBytesPerElement(b.dtype) - storedBytesPerElement(a.dtype) || compareStrings(a.name, b.name),
  );
}

function inKeyOrder(metadata: ReadonlyMap<string, string>): [string, string][] {
  return [...metadata].sort(([a], [b]) => compareStrings(a, b));
}

/** By code unit: the order must not depend on the locale. */
function compareStrings(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function lengthOf({ dtype, dims }: StoredTensor): number {
  return sizeOf(dims) * storedBytesPerElement(dtype);
}

function field(name: string, value: unknown): string {
  return `${JSON.stringify(name)}:${JSON.stringify(value)}`;
}
