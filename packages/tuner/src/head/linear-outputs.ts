import {
  type Feeds,
  float32,
  type GraphBuilder,
  meanSquaredError,
  sigmoidCrossEntropy,
  type Value,
} from "@kilotune/engine";
import type { LearningTask, RowStore, TargetsOf } from "../task.ts";
import type { LinearHead } from "./linear-probe.ts";

/** sigmoid: each output is whether a label fits; squares: each is a number. */
export type OutputLoss = "sigmoid" | "squares";

/** What outputs of a linear head ought to be. */
export interface OutputRows {
  /** [rows, outputs] flat. */
  readonly targets: ArrayLike<number>;
  readonly outputs: number;
}

/** A head in a graph whose rows have one vector each. */
export type AddToVectors = (b: GraphBuilder, vectors: Value) => readonly string[];

/**
 * Labels or numbers of a row by a linear head on its vector: all that texts and images share of it.
 *
 * @param start a probe of the frozen vectors: its outputs are the head's first ones
 * @param within where the head stands; `open` gives it vectors of length one
 */
export function linearOutputs(
  data: OutputRows & { readonly store: RowStore },
  start: LinearHead,
  loss: OutputLoss,
  {
    site,
    hiddenSize,
    temperature,
    open,
  }: Pick<LearningTask, "site"> & {
    readonly hiddenSize: number;
    readonly temperature: number;
    open(add: AddToVectors, ...options: Parameters<LearningTask["open"]>): ReturnType<LearningTask["open"]>;
  },
): LearningTask<"weight" | "bias"> {
  return {
    site,
    head: startOutputs(start, hiddenSize, temperature),
    rows: data.store,
    open: (options) => open((b, vectors) => addLinearOutputs(b, vectors, hiddenSize, loss), options),
    targets: (rows, within) => outputTargets(data, rows, within, temperature),
  };
}

/**
 * A linear head on vectors of length one as part of a tuning graph, of texts or of images: scale * (weight . x) + bias, and
 * its loss. Reads `weight`, `bias`, `scale`, `targets`, `weights`; gives `loss`.
 *
 * @returns names of the inputs that the head learns
 */
function addLinearOutputs(
  b: GraphBuilder,
  vectors: Value,
  hiddenSize: number,
  loss: OutputLoss,
): readonly ["weight", "bias"] {
  const weight = b.input("weight", "float32", ["C", hiddenSize]);
  const products = b.op("Gemm", [vectors, weight], { transB: 1 });
  const scaled = b.op("Mul", [products, b.input("scale", "float32", [])]);
  const outputs = b.op("Add", [scaled, b.input("bias", "float32", ["C"])]);
  const targets = b.input("targets", "float32", ["B", "C"]);
  const weights = b.input("weights", "float32", ["B"]);
  const lossOf = loss === "sigmoid" ? sigmoidCrossEntropy : meanSquaredError;
  b.output(lossOf(b, outputs, targets, weights), "loss");
  return ["weight", "bias"];
}

/** The head's tensors at the start of a run: its first outputs are those of `start`. */
function startOutputs(start: LinearHead, hiddenSize: number, temperature: number) {
  const weight = start.weight.map((value) => value * temperature);
  return {
    weight: float32(weight, [start.bias.length, hiddenSize]),
    bias: float32(start.bias.slice(), [start.bias.length]),
  };
}

/** Feeds of some rows of a batch: each row of the batch counts the same. */
function outputTargets(
  { targets, outputs }: OutputRows,
  rows: readonly number[],
  { batch }: Pick<TargetsOf, "batch">,
  temperature: number,
): Feeds {
  const wanted = new Float32Array(rows.length * outputs);
  rows.forEach((row, at) => {
    for (let output = 0; output < outputs; output++)
      wanted[at * outputs + output] = targets[row * outputs + output] as number;
  });
  return {
    targets: float32(wanted, [rows.length, outputs]),
    weights: float32(new Float32Array(rows.length).fill(1 / batch.length), [rows.length]),
    scale: float32([1 / temperature], []),
  };
}

/** What was learnt as a head whose scale is 1. */
export function learntHead(
  { weight, bias }: Readonly<Record<"weight" | "bias", Float32Array>>,
  temperature: number,
): LinearHead {
  return { weight: weight.map((value) => value / temperature), bias };
}
