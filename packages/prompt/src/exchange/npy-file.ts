import { open } from "node:fs/promises";
import { readTensor, sizeOf } from "@kilotune/engine";
import { printable, quote, refuse } from "./refuse.ts";
import { readAt } from "./safetensors-file.ts";
import { MAX_NUMBERS, type TensorFile } from "./tensor-file.ts";

/**
 * Opens NumPy's format, versions 1 to 3: "\x93NUMPY", two bytes of version, the header's length, a Python dict in text, the
 * numbers. The dict is matched, not evaluated; an array of objects is a pickle and is refused.
 * @throws KilotuneError `bad_npy`; the file system's errors
 */
export async function openNpy(path: string): Promise<TensorFile> {
  await using file = await open(path, "r");
  const { size } = await file.stat();
  const start = await readAt(file, 0, 12);
  const version = start[6];
  if (Buffer.from(start.subarray(0, 6)).toString("latin1") !== "\u0093NUMPY" || start.length < 12)
    throw bad('the start "\\x93NUMPY"', "other bytes");
  if (version === undefined || version < 1 || version > 3 || start[7] !== 0)
    throw bad("format version 1, 2 or 3", `${version}.${start[7]}`);
  const view = new DataView(start.buffer);
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const headerAt = version === 1 ? 10 : 12;
  if (length > MAX_HEADER_BYTES || headerAt + length > size)
    throw bad(`a header of at most ${MAX_HEADER_BYTES} bytes, within the file`, `${length} bytes`);
  const { dtype, dims } = parseHeader(new TextDecoder().decode(await readAt(file, headerAt, length)));
  const dataBytes = sizeOf(dims) * BYTES[dtype];
  const dataAt = headerAt + length;
  if (sizeOf(dims) > MAX_NUMBERS || dataAt + dataBytes !== size)
    throw bad(`${dataBytes} bytes of numbers for the shape [${dims.join(", ")}]`, `${size - dataAt}`);
  const tensor = readTensor(
    NAME,
    { dtype, dims, offset: 0, length: dataBytes },
    await readAt(file, dataAt, dataBytes),
  );
  return {
    path,
    shapes: new Map([[NAME, dims]]),
    isBare: true,
    read: async () => tensor,
    [Symbol.asyncDispose]: async () => {},
  };
}

const NAME = "tensor";

/** NumPy's own limit where it doesn't trust a file. */
const MAX_HEADER_BYTES = 10_000;

const BYTES = { float32: 4, float64: 8, float16: 2 } as const;

const TYPES: ReadonlyMap<string, keyof typeof BYTES> = new Map([
  ["<f4", "float32"],
  ["<f8", "float64"],
  ["<f2", "float16"],
]);

function parseHeader(text: string): { dtype: keyof typeof BYTES; dims: number[] } {
  const match = HEADER.exec(text);
  if (match === null) throw bad("a header with descr, fortran_order and shape", quote(text));
  const { descr, fortran, shape } = match.groups as Record<"descr" | "fortran" | "shape", string>;
  const dtype = TYPES.get(descr);
  if (dtype === undefined)
    throw bad(
      `little-endian floating-point numbers (${[...TYPES.keys()].join(", ")})`,
      `${quote(descr)}${descr.includes("O") ? ", an array of Python objects" : ""}`,
    );
  if (fortran === "True") throw bad("numbers in row-major order", "fortran_order");
  const dims = shape.split(",").filter((word) => word.trim() !== "");
  const sizes = dims.map(Number);
  if (sizes.length > 16 || !sizes.every(Number.isSafeInteger)) throw bad("a shape below 2^53", quote(shape));
  return { dtype, dims: sizes };
}

/** In the order that NumPy writes the keys: sorted. */
const HEADER =
  /^\{'descr': '(?<descr>[^']{1,20})', 'fortran_order': (?<fortran>True|False), 'shape': \((?<shape>[0-9, ]*)\),? *\}\s*$/;

function bad(expected: string, seen: string) {
  return refuse(
    "bad_npy",
    expected,
    printable(seen),
    "Save it with numpy.save(path, array.astype('<f4'), allow_pickle=False).",
  );
}
