import { EngineError } from "../error.ts";
import { BYTES_PER_ELEMENT, type DType } from "../tensor.ts";
import { findJsonFault } from "./json-fault.ts";
import { recognise } from "./recognise.ts";

/**
 * The safetensors format: an unsigned 64-bit little-endian N, N bytes of JSON (it starts with "{" and may end in
 * spaces), then the data. The JSON maps each tensor's name to dtype, shape and [begin, end) counted from the start of
 * the data; "__metadata__" maps strings to strings. The tensors cover the data without gap or overlap.
 */
export interface SafetensorsHeader {
  /** Where the data starts, counted from the start of the file. */
  readonly dataOffset: number;
  readonly metadata: ReadonlyMap<string, string>;
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
}

export interface SafetensorsEntry {
  readonly dtype: StoredDType;
  readonly dims: readonly number[];
  /** Where the tensor starts, counted from the start of the file: what ONNX wants to know of external data. */
  readonly offset: number;
  readonly length: number;
}

/** Element types of a file: the engine's own, and bfloat16, which is float32 once it is read. */
export type StoredDType = DType | "bfloat16";

export interface SafetensorsCaps {
  /** Parsing takes some ten times the header in memory. A model of 1,000 tensors has a header of about 100 KB. */
  readonly headerBytes: number;
  readonly tensors: number;
}

export const DEFAULT_CAPS: SafetensorsCaps = { headerBytes: 16 * 2 ** 20, tensors: 100_000 };

export const LENGTH_BYTES = 8;
export const METADATA_KEY = "__metadata__";

export const DTYPE_CODES: Record<StoredDType, string> = {
  float32: "F32",
  float64: "F64",
  float16: "F16",
  bfloat16: "BF16",
  int64: "I64",
  int32: "I32",
  int8: "I8",
  uint8: "U8",
  bool: "BOOL",
};

export function storedBytesPerElement(dtype: StoredDType): number {
  return dtype === "bfloat16" ? 2 : BYTES_PER_ELEMENT[dtype];
}

/** Length of the JSON, from the first eight bytes of a file of `sizeBytes`. Throws `bad_safetensors`. */
export function parseHeaderLength(start: Uint8Array, sizeBytes: number, caps: SafetensorsCaps): number {
  if (start.length < LENGTH_BYTES) {
    throw notSafetensors(start, "a header length of 8 bytes", `a file of ${sizeBytes} bytes`);
  }
  const length = new DataView(start.buffer, start.byteOffset).getBigUint64(0, true);
  if (length > sizeBytes - LENGTH_BYTES) {
    throw notSafetensors(
      start,
      `a header within the ${sizeBytes} bytes of the file`,
      `a length of ${length}`,
    );
  }
  if (length > caps.headerBytes) {
    throw notSafetensors(start, `a header of at most ${caps.headerBytes} bytes`, `a length of ${length}`);
  }
  return Number(length);
}

/**
 * Parses the JSON of a file of `sizeBytes` whose first eight bytes are `start`. Throws `bad_safetensors`; what it
 * returns is sound: every entry lies in the file and has just the bytes that its shape asks for.
 */
export function parseHeader(
  start: Uint8Array,
  json: Uint8Array,
  sizeBytes: number,
  caps: SafetensorsCaps,
): SafetensorsHeader {
  if (json[0] !== "{".charCodeAt(0)) {
    throw notSafetensors(start, 'a header that starts with "{"', `byte ${json[0] ?? "(none)"}`);
  }
  const dataOffset = LENGTH_BYTES + json.length;
  const { [METADATA_KEY]: metadata, ...tensors } = parseJson(json);
  const names = Object.keys(tensors);
  if (names.length > caps.tensors) {
    throw refuse(
      `at most ${caps.tensors} tensors`,
      `${names.length}`,
      "Raise the cap if you trust the file.",
    );
  }
  const entries = new Map(names.map((name) => [name, parseEntry(name, tensors[name], dataOffset)]));
  checkLayout(entries, dataOffset, sizeBytes);
  return { dataOffset, metadata: parseMetadata(metadata), entries };
}

/** A refusal in the three parts that each one has. */
export function refuse(expected: string, seen: string, hint: string): EngineError {
  return new EngineError("bad_safetensors", `safetensors: expected ${expected}, but saw ${seen}`, hint);
}

/** Text from the file, fit for a message: escaped and short. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}...` : text);
}

function notSafetensors(start: Uint8Array, expected: string, seen: string): EngineError {
  const other = recognise(start);
  if (other === undefined) return refuse(expected, seen, "The file is damaged or isn't safetensors.");
  return refuse(expected, `${seen}: the file looks like ${other.kind}`, other.hint);
}

/** The header, an entry, its shape. */
const MAX_DEPTH = 3;

const DAMAGED = "The file is damaged: fetch it again, or write it again with a current safetensors library.";

function parseJson(json: Uint8Array): Record<string, unknown> {
  let text: string;
  let parsed: Record<string, unknown>;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(json);
    // The first byte is "{", so that what parses is an object.
    parsed = JSON.parse(text);
  } catch (cause) {
    throw refuse("a header in JSON and UTF-8", cause instanceof Error ? cause.message : "none", DAMAGED);
  }
  const fault = findJsonFault(text, MAX_DEPTH);
  if (fault !== undefined) throw refuse("a header of plain entries", fault, DAMAGED);
  return parsed;
}

function parseMetadata(metadata: unknown): ReadonlyMap<string, string> {
  if (metadata === undefined) return new Map();
  const expected = `${METADATA_KEY} to map strings to strings`;
  if (!isRecord(metadata)) throw refuse(expected, typeof metadata, DAMAGED);
  return new Map(
    Object.entries(metadata).map(([key, value]) => {
      if (typeof value !== "string") throw refuse(expected, `${typeof value} at ${quote(key)}`, DAMAGED);
      return [key, value];
    }),
  );
}

const DTYPES = new Map(Object.entries(DTYPE_CODES).map(([dtype, code]) => [code, dtype as StoredDType]));

function parseEntry(name: string, entry: unknown, dataOffset: number): SafetensorsEntry {
  const at = `tensor ${quote(name)}`;
  if (!isRecord(entry) || Object.keys(entry).sort().join() !== "data_offsets,dtype,shape") {
    throw refuse(`${at} to have dtype, shape and data_offsets`, describe(entry), DAMAGED);
  }
  const dtype = typeof entry.dtype === "string" ? DTYPES.get(entry.dtype) : undefined;
  if (dtype === undefined) {
    const known = [...DTYPES.keys()].join(", ");
    throw refuse(`${at} to have a dtype of ${known}`, describe(entry.dtype), "Convert the tensor to F32.");
  }
  const dims = parseNaturals(entry.shape);
  if (dims === undefined || dims.length > MAX_RANK) {
    throw refuse(`${at} to have a shape of at most ${MAX_RANK} dims >= 0`, describe(entry.shape), DAMAGED);
  }
  const [begin, end, ...rest] = parseNaturals(entry.data_offsets) ?? [];
  if (begin === undefined || end === undefined || end < begin || rest.length > 0) {
    throw refuse(`${at} to have data_offsets [begin, end]`, describe(entry.data_offsets), DAMAGED);
  }
  // Past 2^53 the product is inexact, but then it is also more than any `end - begin`.
  const length = dims.reduce((product, dim) => product * dim, storedBytesPerElement(dtype));
  if (length !== end - begin) {
    const shape = `${entry.dtype} [${dims.join(", ")}]`;
    throw refuse(`${at} to have ${length} bytes for ${shape}`, `${end - begin} bytes`, DAMAGED);
  }
  return { dtype, dims, offset: dataOffset + begin, length };
}

/** More than any model has; without a cap, a header of 16 MB could hold one shape of eight million dims. */
const MAX_RANK = 16;

/** Non-negative integers that a double holds exactly. */
function parseNaturals(list: unknown): number[] | undefined {
  if (!Array.isArray(list)) return undefined;
  const sound = list.every((item) => Number.isSafeInteger(item) && item >= 0 && !Object.is(item, -0));
  return sound ? list : undefined;
}

/** The tensors must lie end to end from the start of the data to the end of the file. */
function checkLayout(entries: SafetensorsHeader["entries"], dataOffset: number, sizeBytes: number): void {
  const inOrder = [...entries].sort(([, a], [, b]) => a.offset - b.offset || a.length - b.length);
  let next = dataOffset;
  for (const [name, { offset, length }] of inOrder) {
    if (offset !== next) {
      const fault = offset > next ? "a gap" : "an overlap";
      const seen = `${offset - dataOffset} (${fault})`;
      throw refuse(`tensor ${quote(name)} to start at data offset ${next - dataOffset}`, seen, DAMAGED);
    }
    next += length;
  }
  if (next > sizeBytes) {
    throw refuse(`a file of ${next} bytes`, `${sizeBytes} bytes`, "The file was cut off: fetch it again.");
  }
  if (next < sizeBytes) {
    const seen = `${sizeBytes - next} bytes after the last tensor`;
    throw refuse(`a file of ${next} bytes`, seen, "Remove the bytes that don't belong to the file.");
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function describe(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}
