import type { DType } from "../tensor.ts";

/**
 * What the reference interpreter computes with: any element type as float64 (int64 exactly up to 2^53), with the type
 * that it stands for, so that Cast and integer division behave.
 */
export interface RealTensor {
  readonly dtype: DType;
  readonly dims: readonly number[];
  readonly data: Float64Array;
}
