import type { Node, Value } from "@kilotune/engine";
import { floats, type GraphIndex } from "./graph-index.ts";

/** A product with a constant matrix: y = W x + b. */
export interface Linear {
  readonly input: Value;
  readonly output: Value;
  /** [out, in] */
  readonly weight: Float32Array;
  /** [out]; zeros where the graph has none */
  readonly bias: Float32Array;
  readonly out: number;
  readonly into: number;
}

export interface Norm {
  readonly input: Value;
  readonly output: Value;
  readonly weight: Float32Array;
  readonly bias: Float32Array;
  readonly epsilon: number;
}

/** The product whose result a value is, its bias added. */
export function matchLinear(index: GraphIndex, y: Value): Linear | undefined {
  const node = index.producer(y);
  if (node?.op === "Add") {
    const parts = index.split(node);
    const product = parts && matchLinear(index, index.source(parts.other));
    const bias = parts && floats(parts.constant);
    if (product === undefined || bias?.length !== product.out) return undefined;
    return { ...product, output: y, bias: product.bias.map((x, at) => x + (bias[at] as number)) };
  }
  if (node?.op === "MatMul") {
    const matrix = index.constant(node.inputs[1]);
    if (matrix?.dims.length !== 2) return undefined;
    const [into, out] = matrix.dims as [number, number];
    const weight = transposed(floats(matrix), into, out);
    return { input: node.inputs[0] as Value, output: y, weight, bias: new Float32Array(out), out, into };
  }
  return node?.op === "Gemm" ? gemm(index, node, y) : undefined;
}

function gemm(index: GraphIndex, { inputs, attributes }: Node, y: Value): Linear | undefined {
  const number = (name: string, fallback: number) => {
    const found = attributes[name];
    return found?.type === "int" || found?.type === "float" ? found.value : fallback;
  };
  const matrix = index.constant(inputs[1]);
  const bias = inputs[2] ? index.constant(inputs[2]) : undefined;
  if (matrix?.dims.length !== 2 || number("transA", 0) === 1 || (inputs[2] && bias === undefined))
    return undefined;
  const turned = number("transB", 0) === 1;
  const [rows, columns] = matrix.dims as [number, number];
  const [out, into] = turned ? [rows, columns] : [columns, rows];
  const weight = turned ? floats(matrix) : transposed(floats(matrix), rows, columns);
  const [alpha, beta] = [number("alpha", 1), number("beta", 1)];
  if (bias !== undefined && bias.data.length !== out) return undefined;
  return {
    input: inputs[0] as Value,
    output: y,
    weight: alpha === 1 ? weight : weight.map((x) => x * alpha),
    bias: bias === undefined ? new Float32Array(out) : floats(bias).map((x) => x * beta),
    out,
    into,
  };
}

/** The layer norm over the last axis whose result a value is, as one node or spelt out. */
export function matchNorm(index: GraphIndex, y: Value): Norm | undefined {
  const value = index.source(y);
  const node = index.producer(value);
  if (node?.op === "LayerNormalization") {
    const [weight, bias] = [index.constant(node.inputs[1]), index.constant(node.inputs[2])];
    const { axis, epsilon } = node.attributes;
    const rank = value.shape.length;
    const last =
      axis === undefined || (axis.type === "int" && (axis.value === -1 || axis.value === rank - 1));
    if (weight === undefined || !last || (node.inputs[2] && bias === undefined)) return undefined;
    return {
      input: node.inputs[0] as Value,
      output: value,
      weight: floats(weight),
      bias: bias ? floats(bias) : new Float32Array(weight.data.length),
      epsilon: epsilon?.type === "float" ? epsilon.value : 1e-5,
    };
  }
  return node?.op === "Add" ? speltNorm(index, node, value) : undefined;
}

/** ((x - mean x) / sqrt(mean (x - mean x)^2 + epsilon)) * weight + bias */
function speltNorm(index: GraphIndex, add: Node, output: Value): Norm | undefined {
  const shift = index.split(add);
  const scale = shift && splitOf(index, shift.other, "Mul");
  const ratio = scale && producerOf(index, scale.other, "Div");
  if (shift === undefined || scale === undefined || ratio === undefined) return undefined;
  const [above, root] = ratio.inputs as [Value, Value];
  const centred = producerOf(index, above, "Sub");
  const variance = producerOf(index, root, "Sqrt");
  const sum = variance && splitOf(index, variance.inputs[0] as Value, "Add");
  const mean = sum && producerOf(index, sum.other, "ReduceMean");
  const square = mean && index.producer(mean.inputs[0] as Value);
  if (centred === undefined || sum === undefined || square === undefined) return undefined;
  const input = centred.inputs[0] as Value;
  const isSquare =
    square.op === "Pow" || (square.op === "Mul" && square.inputs[0]?.name === square.inputs[1]?.name);
  const ofCentred = index.producer(square.inputs[0] as Value)?.inputs[0];
  if (!isSquare || ofCentred?.name !== input.name) return undefined;
  const [weight, bias] = [floats(scale.constant), floats(shift.constant)];
  if (weight.length !== bias.length) return undefined;
  return { input, output, weight, bias, epsilon: floats(sum.constant)[0] as number };
}

function producerOf(index: GraphIndex, value: Value, op: string): Node | undefined {
  const node = index.producer(value);
  return node?.op === op ? node : undefined;
}

function splitOf(index: GraphIndex, value: Value, op: string) {
  const node = producerOf(index, value, op);
  return node && index.split(node);
}

function transposed(data: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(data.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      out[column * rows + row] = data[row * columns + column] as number;
  return out;
}
