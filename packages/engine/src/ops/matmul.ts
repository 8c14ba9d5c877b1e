import type { GraphBuilder } from "../ir/builder.ts";
import type { Value } from "../ir/graph.ts";
import { sizeOf } from "../tensor.ts";
import { float } from "../ir/builder.ts";
import { floatOr, formatShape, gradient, input, intOr, real, sameShape } from "./access.ts";
import { broadcastIndex, broadcastShapes } from "./broadcast.ts";
import { type OpRule, type RealTensor, RuleError, type TypeAndShape } from "./rule.ts";

/** Y = A B over the last two axes, batch axes broadcast; dA = dY B^T, dB = A^T dY. */
export const MatMul: OpRule = {
  infer: (context) => {
    const [a, b] = [input(context, 0), input(context, 1)];
    const [rows, inner] = a.shape.slice(-2);
    const [innerB, columns] = b.shape.slice(-2);
    if (a.shape.length < 2 || b.shape.length < 2 || inner !== innerB) {
      throw new RuleError(
        `MatMul wants [.., M, K] and [.., K, N], seen: ${formatShape(a.shape)} and ${formatShape(b.shape)}`,
      );
    }
    const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2));
    return [{ dtype: a.dtype, shape: [...batch, rows as number, columns as number] }];
  },
  evaluate: (context) => [batchedProduct(real(context, 0), real(context, 1))],
  vjp: (context) => {
    const { builder, node } = context;
    const g = gradient(context);
    return [
      context.needs(0) ? builder.op("MatMul", [g, transposeLast(builder, input(node, 1))]) : null,
      context.needs(1) ? builder.op("MatMul", [transposeLast(builder, input(node, 0)), g]) : null,
    ];
  },
};

/**
 * Y = alpha A' B' + beta C on matrices, A' = A or A^T by transA, B' likewise; C broadcasts.
 * dA' = alpha dY B'^T, dB' = alpha A'^T dY, dC = beta dY.
 */
export const Gemm: OpRule = {
  infer: (context) => {
    const [a, b] = [input(context, 0), input(context, 1)];
    if (a.shape.length !== 2 || b.shape.length !== 2) {
      throw new RuleError(
        `Gemm wants two matrices, seen: ${formatShape(a.shape)} and ${formatShape(b.shape)}`,
      );
    }
    const [rows, inner] = intOr(context.attributes, "transA", 0) ? [a.shape[1], a.shape[0]] : a.shape;
    const [innerB, columns] = intOr(context.attributes, "transB", 0) ? [b.shape[1], b.shape[0]] : b.shape;
    if (inner !== innerB) throw new RuleError(`Gemm: inner dims ${inner} and ${innerB} differ`);
    const shape = [rows as number, columns as number];
    const c = context.inputs[2];
    if (c && !sameShape(broadcastShapes(shape, c.shape), shape))
      throw new RuleError(`Gemm: C ${formatShape(c.shape)} doesn't stretch to ${formatShape(shape)}`);
    return [{ dtype: a.dtype, shape }];
  },
  evaluate: (context) => {
    const { attributes } = context;
    const a = intOr(attributes, "transA", 0) ? transposed(real(context, 0)) : real(context, 0);
    const b = intOr(attributes, "transB", 0) ? transposed(real(context, 1)) : real(context, 1);
    const product = batchedProduct(a, b);
    const c = context.inputs[2];
    const alpha = floatOr(attributes, "alpha", 1);
    const beta = floatOr(attributes, "beta", 1);
    const from = c ? broadcastIndex(c.dims, product.dims) : undefined;
    const data = product.data.map(
      (sum, at) => alpha * sum + (c && from ? beta * (c.data[from[at] as number] as number) : 0),
    );
    return [{ ...product, data }];
  },
  vjp: (context) => {
    const { builder, node } = context;
    const g = gradient(context);
    const [a, b] = [input(node, 0), input(node, 1)];
    const transA = intOr(node.attributes, "transA", 0);
    const transB = intOr(node.attributes, "transB", 0);
    const alpha = float(floatOr(node.attributes, "alpha", 1));
    const gemm = (left: Value, right: Value, tLeft: number, tRight: number) =>
      builder.op("Gemm", [left, right], { transA: tLeft, transB: tRight, alpha });
    const beta = floatOr(node.attributes, "beta", 1);
    return [
      context.needs(0) ? (transA ? gemm(b, g, transB, 1) : gemm(g, b, 0, 1 - transB)) : null,
      context.needs(1) ? (transB ? gemm(g, a, 1, transA) : gemm(a, g, 1 - transA, 0)) : null,
      context.needs(2) ? (beta === 1 ? g : builder.op("Mul", [g, builder.scalar(beta)])) : null,
    ];
  },
};

/**
 * Y = (A - a) (B - b) in whole numbers, A and B of uint8 or int8, the zero points a and b scalars, 0 where left out; int32.
 * Flat between its steps: what it stands for in a quantised product gets a gradient as a whole, see quantized-product.ts.
 */
export const MatMulInteger: OpRule = {
  infer: (context) => {
    const [a, b] = [input(context, 0), input(context, 1)];
    for (const { dtype } of [a, b])
      if (dtype !== "uint8" && dtype !== "int8")
        throw new RuleError(`MatMulInteger wants uint8 or int8, seen: ${dtype}`);
    for (const index of [2, 3]) {
      const zero = context.inputs[index];
      if (zero && zero.shape.length !== 0)
        throw new RuleError(`MatMulInteger: a zero point is a scalar, seen: ${formatShape(zero.shape)}`);
    }
    const [{ shape }] = MatMul.infer(context) as [TypeAndShape];
    return [{ dtype: "int32", shape }];
  },
  evaluate: (context) => {
    const shifted = (index: number) => {
      const zero = context.inputs[index + 2]?.data[0] ?? 0;
      const matrix = real(context, index);
      return { ...matrix, data: matrix.data.map((each) => each - zero) };
    };
    return [{ ...batchedProduct(shifted(0), shifted(1)), dtype: "int32" }];
  },
  vjp: "none",
};

function transposeLast(builder: GraphBuilder, value: Value): Value {
  const rank = value.shape.length;
  const perm = Array.from({ length: rank }, (_, at) => at);
  return builder.op("Transpose", [value], { perm: [...perm.slice(0, -2), rank - 1, rank - 2] });
}

function batchedProduct(a: RealTensor, b: RealTensor): RealTensor {
  const batch = broadcastShapes(a.dims.slice(0, -2), b.dims.slice(0, -2)) as number[];
  const [rows, inner] = a.dims.slice(-2) as [number, number];
  const columns = b.dims[b.dims.length - 1] as number;
  const atA = broadcastIndex(a.dims.slice(0, -2), batch);
  const atB = broadcastIndex(b.dims.slice(0, -2), batch);
  const data = new Float64Array(sizeOf(batch) * rows * columns);
  for (let each = 0; each < atA.length; each++) {
    const baseA = (atA[each] as number) * rows * inner;
    const baseB = (atB[each] as number) * inner * columns;
    for (let row = 0; row < rows; row++) {
      const baseY = (each * rows + row) * columns;
      for (let k = 0; k < inner; k++) {
        const factor = a.data[baseA + row * inner + k] as number;
        for (let column = 0; column < columns; column++) {
          data[baseY + column] =
            (data[baseY + column] as number) + factor * (b.data[baseB + k * columns + column] as number);
        }
      }
    }
  }
  return { dtype: a.dtype, dims: [...batch, rows, columns], data };
}

function transposed(matrix: RealTensor): RealTensor {
  const [rows, columns] = matrix.dims as [number, number];
  const data = new Float64Array(matrix.data.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++)
      data[column * rows + row] = matrix.data[row * columns + column] as number;
  }
  return { ...matrix, dims: [columns, rows], data };
}
