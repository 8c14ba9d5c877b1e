import { assertFinite, float16ToFloat32, float32, type Tensor } from "@kilotune/engine";
import { list, quote, refuse, shape } from "./refuse.ts";

/** The tensors of a file by name, read one at a time: a checkpoint may be larger than memory. */
export interface TensorFile extends AsyncDisposable {
  /** For messages. */
  readonly path: string;
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** The file is one tensor without a name; `shapes` calls it "tensor". */
  readonly isBare?: boolean;
  read(name: string): Promise<Tensor>;
}

/** More than any prompt's, head's or re-parametrisation's: 128 tokens of 100 layers of 8192 numbers have 210 million. */
export const MAX_NUMBERS = 2 ** 28;

/**
 * One tensor as finite float32 numbers. `dims` is what it must have; -1 stands for any number from 1 on.
 * @throws KilotuneError `bad_foreign_prompt`; EngineError `non_finite`
 */
export async function readNumbers(
  file: TensorFile,
  name: string,
  dims: readonly number[],
): Promise<{ data: Float32Array; dims: readonly number[] }> {
  const seen = file.shapes.get(name);
  if (seen === undefined) throw missing(file, [name], []);
  const fits = seen.length === dims.length && dims.every((dim, axis) => dim === seen[axis] || dim === -1);
  if (!fits || seen.includes(0)) {
    const expected = `[${dims.map((dim) => (dim === -1 ? "any" : dim)).join(", ")}]`;
    throw refuse(
      "bad_foreign_prompt",
      `${file.path}: tensor ${quote(name)} of shape ${expected}`,
      shape(seen),
      "Give the backbone that the prompt was tuned on; its width, layers and heads decide the shapes.",
    );
  }
  const tensor = await file.read(name);
  const data = toFloat32(tensor, file.path, name);
  assertFinite(float32(data, seen), name);
  return { data, dims: seen };
}

/** The refusal where keys don't match: a misspelt one shows as one missing and one unexpected. */
export function missing(file: TensorFile, names: readonly string[], unexpected: readonly string[]) {
  return refuse(
    "bad_foreign_prompt",
    `${file.path}: the tensors that its kind has`,
    `missing: ${list(names)}; unexpected: ${list(unexpected)}`,
    "Nothing is guessed: give the file as the other system saved it.",
  );
}

function toFloat32({ type, data }: Tensor, path: string, name: string): Float32Array {
  if (type === "float32") return data as Float32Array;
  if (type === "float16") return float16ToFloat32(data as Uint16Array);
  if (type === "float64") return Float32Array.from(data as Float64Array);
  throw refuse(
    "bad_foreign_prompt",
    `${path}: tensor ${quote(name)} of floating-point numbers`,
    type,
    "A quantised prompt must be turned back into float32 first.",
  );
}
