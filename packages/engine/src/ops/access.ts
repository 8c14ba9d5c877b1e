import type { Dim } from "../ir/dim.ts";
import type { Attributes, Value } from "../ir/graph.ts";
import type { Tensor } from "../tensor.ts";
import { type InferContext, type RealTensor, RuleError, type VjpContext } from "./rule.ts";

/** Short words for what every rule reads from its context. */

export function input(context: { readonly inputs: readonly (Value | null)[] }, index: number): Value {
  const value = context.inputs[index];
  if (value === null || value === undefined) throw new RuleError(`input ${index} is required and missing`);
  return value;
}

export function real(
  context: { readonly inputs: readonly (RealTensor | null)[] },
  index: number,
): RealTensor {
  const value = context.inputs[index];
  if (value === null || value === undefined) throw new RuleError(`input ${index} is required and missing`);
  return value;
}

/** The gradient of the only output. */
export function gradient(context: VjpContext): Value {
  const [only] = context.outputGradients;
  if (only === null || only === undefined)
    throw new Error(`${context.node.name}: no gradient reached this node`);
  return only;
}

export function output(context: VjpContext, index = 0): Value {
  const value = context.node.outputs[index];
  if (value === undefined) throw new Error(`${context.node.name} has no output ${index}`);
  return value;
}

export function intOr(attributes: Attributes, name: string, otherwise: number): number {
  const attribute = attributes[name];
  if (attribute === undefined) return otherwise;
  if (attribute.type !== "int")
    throw new RuleError(`the attribute ${name} is an int, seen: ${attribute.type}`);
  return attribute.value;
}

export function floatOr(attributes: Attributes, name: string, otherwise: number): number {
  const attribute = attributes[name];
  if (attribute === undefined) return otherwise;
  if (attribute.type !== "float")
    throw new RuleError(`the attribute ${name} is a float, seen: ${attribute.type}`);
  return attribute.value;
}

export function intsOf(attributes: Attributes, name: string): readonly number[] | undefined {
  const attribute = attributes[name];
  if (attribute === undefined) return undefined;
  if (attribute.type !== "ints")
    throw new RuleError(`the attribute ${name} is ints, seen: ${attribute.type}`);
  return attribute.value;
}

export function stringOr(attributes: Attributes, name: string, otherwise: string): string {
  const attribute = attributes[name];
  if (attribute === undefined) return otherwise;
  if (attribute.type !== "string")
    throw new RuleError(`the attribute ${name} is a string, seen: ${attribute.type}`);
  return attribute.value;
}

/** The integers of an input that must be a constant of the graph (axes, pads); undefined where it is left out. */
export function constantInts(context: InferContext, index: number): number[] | undefined {
  if (context.inputs[index] === null || context.inputs[index] === undefined) return undefined;
  const tensor = context.constant(index);
  if (tensor === undefined) throw new RuleError(`input ${index} must be a constant of the graph`);
  return numbersOf(tensor);
}

export function numbersOf(tensor: Tensor): number[] {
  return Array.from(tensor.data as Float32Array, Number);
}

/** Axis in 0..rank-1 from one that may count from the end. */
export function axisOf(axis: number, rank: number): number {
  const at = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(at) || at < 0 || at >= rank) {
    throw new RuleError(`axis ${axis} is outside a tensor of rank ${rank}`);
  }
  return at;
}

export function formatShape(shape: readonly Dim[]): string {
  return `[${shape.join(", ")}]`;
}

export function sameShape(a: readonly Dim[], b: readonly Dim[]): boolean {
  return a.length === b.length && a.every((dim, at) => dim === b[at]);
}

/** Row-major strides in elements. */
export function stridesOf(dims: readonly number[]): number[] {
  const strides = new Array<number>(dims.length).fill(1);
  for (let at = dims.length - 2; at >= 0; at--)
    strides[at] = (strides[at + 1] as number) * (dims[at + 1] as number);
  return strides;
}

/** Outer, middle and inner sizes around an axis: element (o, m, i) lies at (o * middle + m) * inner + i. */
export function aroundAxis(
  dims: readonly number[],
  axis: number,
): [outer: number, middle: number, inner: number] {
  const product = (part: readonly number[]) => part.reduce((a, b) => a * b, 1);
  return [product(dims.slice(0, axis)), dims[axis] as number, product(dims.slice(axis + 1))];
}
