import type { GraphBuilder } from "../ir/builder.ts";
import type { Dim } from "../ir/dim.ts";
import type { Attributes, Node, Value } from "../ir/graph.ts";
import type { DType, Tensor } from "../tensor.ts";

/** All that the engine knows of one op. Ops that share their calculus (the reductions, say) share a file. */
export interface OpRule {
  /** Types and symbolic shapes of the outputs. Throws RuleError with what was expected and what was seen. */
  infer(context: InferContext): readonly TypeAndShape[];
  /** The symbolic content of the first output, for the few ops that compute with shapes. */
  inferDims?(context: InferContext): readonly Dim[] | undefined;
  /** The op in float64, for the reference interpreter: plain loops, written for the reader. */
  evaluate(context: EvaluateContext): readonly RealTensor[];
  /**
   * Reverse mode: given the gradients of the outputs, build the gradients of the inputs. Rules contain calculus only:
   * a gradient may be left at its broadcast shape, the backward walk sums it down.
   * `"none"`: no gradient passes (integers, comparisons, shapes).
   * `"unsupported"`: one would pass, but there's no rule; a path through it is an error, not a silent zero.
   */
  vjp: Vjp | "none" | "unsupported";
}

export interface TypeAndShape {
  readonly dtype: DType;
  readonly shape: readonly Dim[];
}

export interface InferContext {
  readonly inputs: readonly (Value | null)[];
  readonly attributes: Attributes;
  /** How many outputs the node asks for. */
  readonly outputCount: number;
  /** The tensor behind an input, where it is an inline constant of the graph (axes, shapes, pads ...). */
  constant(index: number): Tensor | undefined;
  /** The symbolic content of an int64 vector input, where it is known: this is how Reshape keeps symbols. */
  dims(index: number): readonly Dim[] | undefined;
}

export interface EvaluateContext {
  readonly inputs: readonly (RealTensor | null)[];
  readonly attributes: Attributes;
  readonly outputCount: number;
}

/**
 * What the reference interpreter computes with: any element type as float64 (int64 exactly up to 2^53), with the type
 * that it stands for, so that Cast and integer division behave.
 */
export interface RealTensor {
  readonly dtype: DType;
  readonly dims: readonly number[];
  readonly data: Float64Array;
}

export type Vjp = (context: VjpContext) => readonly (Value | null)[];

export interface VjpContext {
  readonly builder: GraphBuilder;
  readonly node: Node;
  /** Gradient of output i; null where nothing reads that output on the way to the loss. */
  readonly outputGradients: readonly (Value | null)[];
  /** Whether anyone needs the gradient of input i: a rule may skip the work where not. */
  needs(index: number): boolean;
}

/** A node's inputs don't fit its op. The builder adds the line of the graph. */
export class RuleError extends Error {
  override readonly name = "RuleError";
}
