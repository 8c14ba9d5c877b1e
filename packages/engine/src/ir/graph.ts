import type { GraphBuilder } from "./builder.ts";
import type { OpName } from "../ops/table.ts";
import type { DType, Tensor } from "../tensor.ts";
import type { Dim } from "./dim.ts";

/** A graph in single-assignment form: nodes in topological order, named exactly as ONNX names its ops (opset 20). */
export interface Graph {
  readonly name: string;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly initializers: readonly Initializer[];
  readonly nodes: readonly Node[];
  /** Values that are differentiated as one op of their own. No file knows them: they are for building gradients. */
  readonly composites?: readonly Composite[];
}

/**
 * A value with a gradient that isn't made of those of the nodes which compute it from `inputs`, such as one that was rounded on
 * its way. Only these inputs get a gradient through it.
 */
export interface Composite {
  readonly output: Value;
  readonly inputs: readonly Value[];
  /** The gradient of the output -> those of the inputs. */
  vjp(builder: GraphBuilder, gradient: Value): readonly Value[];
}

/** A tensor to be: known by name, with its type and its symbolic shape. */
export interface Value {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly Dim[];
}

export interface Node {
  readonly op: OpName;
  readonly name: string;
  /** null stands for an optional input that is left out. */
  readonly inputs: readonly (Value | null)[];
  /** Outputs that nobody reads may be left out at the end. */
  readonly outputs: readonly Value[];
  readonly attributes: Attributes;
}

export type Attributes = Readonly<Record<string, Attribute>>;

export type Attribute =
  | { readonly type: "int"; readonly value: number }
  | { readonly type: "ints"; readonly value: readonly number[] }
  | { readonly type: "float"; readonly value: number }
  | { readonly type: "string"; readonly value: string }
  | { readonly type: "tensor"; readonly value: Tensor };

/** A constant of the graph: small ones inline, weights by place in a file beside the graph. */
export interface Initializer {
  readonly value: Value;
  readonly source: Tensor | ExternalData;
}

/** Bytes [offset, offset + length) of a file; `location` is relative to the folder of the .onnx file. */
export interface ExternalData {
  readonly location: string;
  readonly offset: number;
  readonly length: number;
}

export function isExternal(source: Tensor | ExternalData): source is ExternalData {
  return "location" in source;
}
