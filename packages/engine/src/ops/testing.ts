import { differentiate } from "../autodiff/gradient.ts";
import { type AttributeValues, GraphBuilder } from "../ir/builder.ts";
import type { Dim } from "../ir/dim.ts";
import type { Graph, Value } from "../ir/graph.ts";
import { openReferenceSession } from "../session/reference.ts";
import type { Feeds } from "../session/session.ts";
import { type DType, int64, sizeOf, type Tensor } from "../tensor.ts";
import { OPS, type OpName } from "./table.ts";

/** One case of one op, as data: rows before code. */
export interface Row {
  readonly op: OpName;
  readonly inputs: readonly (Cell | null)[];
  readonly attributes?: AttributeValues;
  /** What the op gives; or, in a row that must be refused, nothing. */
  readonly outputs?: readonly Cell[];
  /** Sizes of symbols that the inputs name only inside a sum, such as P in "P+S". */
  readonly binds?: Readonly<Record<string, number>>;
  /** Outputs that the loss doesn't read. */
  readonly unread?: readonly number[];
  /** Gradients of the inputs by hand, where the outputs' gradients are `upstream` (all ones where it is left out). */
  readonly gradients?: readonly (readonly number[] | null)[];
  readonly upstream?: readonly (readonly number[])[];
  /** The row stands on a kink (a tie, a zero of Relu), where finite differences see the average of two slopes. */
  readonly kink?: true;
  /** The message of the RuleError that the row must raise. */
  readonly refuses?: string;
}

/** A tensor in a row. `shape` declares its input symbolically; a constant is written into the graph. */
export interface Cell {
  readonly type: DType;
  readonly dims: readonly number[];
  readonly data: readonly number[];
  readonly shape?: readonly Dim[];
  readonly constant?: true;
}

export function floats(dims: readonly number[], data: readonly number[], shape?: readonly Dim[]): Cell {
  return { type: "float32", dims, data, ...(shape && { shape }) };
}

export function integers(dims: readonly number[], data: readonly number[], shape?: readonly Dim[]): Cell {
  return { type: "int64", dims, data, ...(shape && { shape }) };
}

export function bools(dims: readonly number[], data: readonly number[]): Cell {
  return { type: "bool", dims, data };
}

/** An int64 vector written into the graph: axes, shapes, pads. */
export function vector(...data: number[]): Cell {
  return { type: "int64", dims: [data.length], data, constant: true };
}

export function fixed(cell: Cell): Cell {
  return { ...cell, constant: true };
}

/**
 * The row as a graph: inputs x0, x1 .., outputs y0, y1 .., and where an output is of floats the scalar
 * loss = sum of y0 * w0 + y1 * w1 .., with the weights w as inputs: a gradient of the loss is the vjp of w.
 */
export function rowGraph(row: Row): Graph {
  const b = new GraphBuilder("row");
  for (const symbol of Object.keys(row.binds ?? {})) b.input(symbol, "float32", [symbol]);
  const inputs = row.inputs.map((cell, index) => cell && declare(b, cell, `x${index}`));
  const count = row.outputs?.length ?? 1;
  const names = Array.from({ length: count }, (_, index) => `y${index}`);
  const outputs = b.node(row.op, inputs, row.attributes, { outputs: names });
  for (const output of outputs) b.output(output);
  const terms = outputs.flatMap((output, index) => {
    if (output.dtype !== "float32" || row.unread?.includes(index)) return [];
    const weighted = b.op("Mul", [output, b.input(`w${index}`, "float32", output.shape)]);
    return [b.op("ReduceSum", [weighted], { keepdims: 0 })];
  });
  if (terms.length > 0)
    b.output(
      terms.reduce((sum, term) => b.op("Add", [sum, term])),
      "loss",
    );
  return b.build();
}

/** Names of the inputs that the row can be differentiated by: floats that aren't constants. */
export function differentiable(row: Row): string[] {
  if (typeof OPS[row.op].vjp !== "function" || row.outputs?.[0]?.type !== "float32") return [];
  return row.inputs.flatMap((cell, index) =>
    cell?.type === "float32" && !cell.constant ? [`x${index}`] : [],
  );
}

/** The row's graph with its gradients, where it has any. */
export function gradientGraph(row: Row): Graph {
  const graph = rowGraph(row);
  const wrt = differentiable(row);
  return wrt.length === 0 ? graph : differentiate(graph, { loss: "loss", wrt });
}

/** The row's inputs, and weights: `upstream`, or seeded random numbers where the caller wants them. */
export function rowFeeds(row: Row, weights: "upstream" | "random"): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = {};
  for (const [symbol, size] of Object.entries(row.binds ?? {}))
    feeds[symbol] = { type: "float64", dims: [size], data: new Float64Array(size) };
  row.inputs.forEach((cell, index) => {
    if (cell && !cell.constant) feeds[`x${index}`] = tensorOf(cell);
  });
  const draw = random(1);
  row.outputs?.forEach((cell, index) => {
    if (cell.type !== "float32" || row.unread?.includes(index)) return;
    const size = sizeOf(cell.dims);
    const data =
      weights === "random"
        ? Array.from({ length: size }, () => draw() + 0.5)
        : (row.upstream?.[index] ?? Array(size).fill(1));
    feeds[`w${index}`] = { type: "float64", dims: cell.dims, data: Float64Array.from(data) };
  });
  return feeds;
}

/** Feeds with their floats rounded to float32, which ONNX Runtime wants. */
export function asFloat32(feeds: Feeds): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, feed]) => [
      name,
      feed.type === "float64"
        ? { ...feed, type: "float32", data: Float32Array.from(feed.data as Float64Array) }
        : feed,
    ]),
  );
}

export interface Slope {
  readonly parameter: string;
  readonly predicted: number;
  readonly measured: number;
}

/**
 * Random-direction finite differences: for each parameter, the loss's slope along random directions as the gradient
 * predicts it, beside the central difference that the float64 interpreter measures.
 */
export async function slopes(
  graph: Graph,
  options: { loss: string; wrt: readonly string[]; feeds: Feeds; directions?: number },
): Promise<Slope[]> {
  const { loss, wrt, feeds } = options;
  const session = openReferenceSession(differentiate(graph, { loss, wrt }));
  const results = await session.run(feeds);
  const lossAt = async (name: string, data: Float64Array) => {
    const feed = feeds[name] as Tensor;
    const { [loss]: value } = await session.run({ ...feeds, [name]: { ...feed, type: "float64", data } }, [
      loss,
    ]);
    return Number(value?.data[0]);
  };
  const draw = random(7);
  const found: Slope[] = [];
  for (const parameter of wrt) {
    const point = Float64Array.from(feeds[parameter]?.data as Float64Array, Number);
    const gradient = results[`grad.${parameter}`]?.data as Float64Array;
    for (let each = 0; each < (options.directions ?? 2); each++) {
      const direction = point.map(() => draw() * 2 - 1);
      const move = (by: number) => point.map((value, at) => value + by * (direction[at] as number));
      const step = 1e-5;
      const [up, down] = [await lossAt(parameter, move(step)), await lossAt(parameter, move(-step))];
      found.push({
        parameter,
        predicted: gradient.reduce((sum, slope, at) => sum + slope * (direction[at] as number), 0),
        measured: (up - down) / (2 * step),
      });
    }
  }
  return found;
}

/** Seeded uniform numbers in 0..1 (mulberry32). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The largest difference, relative to the wanted number where that is above one. */
export function worstError(seen: Tensor | undefined, wanted: { data: ArrayLike<number | bigint> }): number {
  if (seen === undefined || seen.data.length !== wanted.data.length) return Number.POSITIVE_INFINITY;
  return Array.from(wanted.data, Number).reduce((worst, want, at) => {
    const saw = Number(seen.data[at]);
    if (saw === want || (Number.isNaN(saw) && Number.isNaN(want))) return worst;
    const error = Math.abs(saw - want) / Math.max(1, Math.abs(want));
    return Math.max(worst, error);
  }, 0);
}

function declare(b: GraphBuilder, cell: Cell, name: string): Value {
  if (!cell.constant) return b.input(name, cell.type, cell.shape ?? cell.dims);
  return b.constant(cell.type === "float32" ? declaredFloat32(cell) : tensorOf(cell), name);
}

function declaredFloat32({ dims, data }: Cell): Tensor {
  return { type: "float32", dims, data: Float32Array.from(data) };
}

/** Floats as float64: the interpreter computes in it, and hand numbers needn't be representable in float32. */
function tensorOf({ type, dims, data }: Cell): Tensor {
  if (type === "int64") return int64(data, dims);
  if (type === "bool" || type === "uint8") return { type, dims, data: Uint8Array.from(data) };
  if (type === "int8") return { type, dims, data: Int8Array.from(data) };
  if (type === "int32") return { type, dims, data: Int32Array.from(data) };
  return { type: "float64", dims, data: Float64Array.from(data) };
}
