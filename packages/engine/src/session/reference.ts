import { EngineError } from "../error.ts";
import { evaluateDim } from "../ir/dim.ts";
import { type ExternalData, type Graph, isExternal, type Value } from "../ir/graph.ts";
import { formatNode } from "../ir/print.ts";
import { realOf, tensorOf } from "../ops/real.ts";
import type { RealTensor } from "../ops/rule.ts";
import { OPS } from "../ops/table.ts";
import { sizeOf, type Tensor } from "../tensor.ts";
import { missingInputs } from "./ort.ts";
import type { Session } from "./session.ts";

/**
 * The reference interpreter: every op in float64, in plain loops. Slow and exact; gradients are checked on it by finite
 * differences. `weights` gives the tensors of external initializers by name. Results are float64 unless `as` says
 * "declared", which rounds them to the graph's own types.
 */
export function openReferenceSession(
  graph: Graph,
  options: { weights?: (name: string, place: ExternalData) => Tensor; results?: "float64" | "declared" } = {},
): Session {
  const constants = new Map<string, RealTensor>();
  for (const { value, source } of graph.initializers) {
    const tensor = isExternal(source) ? options.weights?.(value.name, source) : source;
    if (tensor === undefined) throw new Error(`the reference session has no weights for ${value.name}`);
    constants.set(value.name, realOf(tensor));
  }
  const inputNames = graph.inputs.map((input) => input.name);
  const outputNames = graph.outputs.map((output) => output.name);
  return {
    inputNames,
    outputNames,
    async run(feeds, outputs = outputNames) {
      const missing = inputNames.filter((name) => feeds[name] === undefined);
      if (missing.length > 0) throw missingInputs(missing, feeds);
      const values = new Map(constants);
      for (const input of graph.inputs) values.set(input.name, fedAs(input, feeds[input.name] as Tensor));
      const bindings = bindSymbols(graph.inputs, values);
      for (const node of graph.nodes) {
        const inputs = node.inputs.map((input) => (input === null ? null : (values.get(input.name) ?? null)));
        const results = OPS[node.op].evaluate({
          inputs,
          attributes: node.attributes,
          outputCount: node.outputs.length,
        });
        node.outputs.forEach((output, at) => {
          const result = results[at] as RealTensor;
          assertInferred(output, result, bindings, formatNode(node));
          values.set(output.name, result);
        });
      }
      return Object.fromEntries(
        outputs.map((name) => {
          const value = values.get(name);
          if (value === undefined) throw new Error(`${graph.name} has no output ${name}`);
          const { dtype, dims, data } = value;
          return [
            name,
            options.results === "declared"
              ? tensorOf({ dtype, dims, data })
              : { type: "float64", dims, data },
          ];
        }),
      );
    },
    release: async () => {},
  };
}

/** A feed in the type that the graph declares; float64 may stand in for any float, which finite differences need. */
function fedAs(input: Value, feed: Tensor): RealTensor {
  const fits = feed.type === input.dtype || (feed.type === "float64" && input.dtype.startsWith("float"));
  if (!fits) {
    throw new EngineError(
      "shape_mismatch",
      `the input ${input.name} is ${input.dtype}, seen: ${feed.type}`,
      "Give a tensor of the declared type.",
    );
  }
  return { ...realOf(feed), dtype: input.dtype };
}

/** Symbols get their sizes from the inputs whose dim is a bare symbol. */
function bindSymbols(inputs: readonly Value[], values: ReadonlyMap<string, RealTensor>): Map<string, number> {
  const bindings = new Map<string, number>();
  for (const input of inputs) {
    const { dims } = values.get(input.name) as RealTensor;
    if (dims.length !== input.shape.length) throw shapeMismatch(input, dims);
    input.shape.forEach((dim, axis) => {
      const size = dims[axis] as number;
      if (typeof dim === "string" && /^[A-Za-z_][\w.]*$/.test(dim) && !bindings.has(dim))
        bindings.set(dim, size);
    });
  }
  for (const input of inputs) {
    const { dims } = values.get(input.name) as RealTensor;
    if (input.shape.some((dim, axis) => evaluateDim(dim, bindings) !== dims[axis]))
      throw shapeMismatch(input, dims);
  }
  return bindings;
}

function shapeMismatch(input: Value, dims: readonly number[]): EngineError {
  return new EngineError(
    "shape_mismatch",
    `the input ${input.name} has the shape [${input.shape.join(", ")}], seen: [${dims.join(", ")}]`,
    "Give a tensor of the declared shape; a symbol stands for one size in all inputs.",
  );
}

/** The interpreter doubles as the proof of shape inference: what an op made must be what was inferred. */
function assertInferred(
  output: Value,
  result: RealTensor,
  bindings: ReadonlyMap<string, number>,
  line: string,
): void {
  const expected = output.shape.map((dim) => evaluateDim(dim, bindings));
  const fits =
    expected.length === result.dims.length && expected.every((dim, axis) => dim === result.dims[axis]);
  if (!fits || sizeOf(expected) !== result.data.length) {
    throw new Error(`inferred [${expected.join(", ")}], computed [${result.dims.join(", ")}]\n  in: ${line}`);
  }
}
