import { EngineError } from "../error.ts";
import type { Tensor } from "../tensor.ts";

/** Throws `non_finite`, naming the tensor and the first place, where a number is NaN or infinite. */
export function assertFinite(tensor: Tensor, name: string): void {
  const index = firstNonFinite(tensor);
  if (index === undefined) return;
  throw new EngineError(
    "non_finite",
    `tensor ${JSON.stringify(name)}: expected finite numbers, but saw ${show(tensor, index)} at index ${index} of shape [${tensor.dims.join(", ")}]`,
    "The numbers were computed or stored wrongly: go back to the last file whose numbers are finite.",
  );
}

function firstNonFinite({ type, data }: Tensor): number | undefined {
  if (type === "float16") {
    const index = (data as Uint16Array).findIndex((bits) => (bits & EXPONENT) === EXPONENT);
    return index < 0 ? undefined : index;
  }
  if (!(data instanceof Float32Array || data instanceof Float64Array)) return undefined;
  for (let start = 0; start < data.length; start += BLOCK) {
    const end = Math.min(start + BLOCK, data.length);
    // x * 0 is 0 for a finite x, else NaN: one test a block instead of one a number.
    let sum = 0;
    for (let at = start; at < end; at++) sum += data[at]! * 0;
    if (Number.isNaN(sum)) return start + data.subarray(start, end).findIndex((x) => !Number.isFinite(x));
  }
  return undefined;
}

/** Of a half: all ones means infinite or NaN. */
const EXPONENT = 0x7c00;

const BLOCK = 4096;

function show({ type, data }: Tensor, index: number): string {
  return type === "float16" ? `the half 0x${data[index]!.toString(16)}` : `${data[index]}`;
}
