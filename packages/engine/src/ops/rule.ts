import type { GraphBuilder } from "../ir/builder.ts";
import type { Dim } from "../ir/dim.ts";
import type { Attributes, Node, Value } from "../ir/graph.ts";
import type { DType, Tensor } from "../tensor.ts";
import type { RealTensor } from "./real-tensor.ts";

/** All that the engine knows of one op; one file an op (or a family that shares its calculus, such as the reductions). */
export interface OpRule {
  /** Types and symbolic shapes of the outputs. Throws ShapeError naming what was expected and what was seen. */
  infer(context: InferContext): readonly TypeAndShape[];
  /** The op in float64, for the reference interpreter: plain loops, written for the reader. */
  evaluate(context: EvaluateContext): readonly RealTensor[];
  /**
   * Reverse mode: given the gradients of the outputs, build the gradients of the inputs. `"none"` says that no
   * gradient passes (integers, comparisons, shapes). A gradient may be left at its broadcast shape: the backward
   * walk sums it down to the shape of the input. Rules contain calculus only.
   */
  vjp: Vjp | "none";
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
  /**
   * The symbolic content of an int64 vector input, where it is known: a constant, or Shape/Concat/Gather/Slice
   * of shapes. This is what makes Reshape and Expand keep symbols.
   */
  dims(index: number): readonly Dim[] | undefined;
}

export interface EvaluateContext {
  readonly inputs: readonly (RealTensor | null)[];
  readonly attributes: Attributes;
  readonly outputCount: number;
}

export type Vjp = (context: VjpContext) => readonly (Value | null)[];

export interface VjpContext {
  readonly builder: GraphBuilder;
  readonly node: Node;
  /** node.inputs[i], for an input that the op requires. */
  input(index: number): Value;
  output(index: number): Value;
  /** Gradient of output i; null where nothing reads that output on the way to the loss. */
  readonly outputGradients: readonly (Value | null)[];
  /** Whether anyone needs the gradient of input i: a rule may skip work (and must return null) where not. */
  needs(index: number): boolean;
}

export class ShapeError extends Error {
  override readonly name = "ShapeError";
}
