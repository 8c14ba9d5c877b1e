import type { GraphBuilder } from "../ir/builder.ts";
import type { Attribute, Attributes, Value } from "../ir/graph.ts";
import { float32, int64, type Tensor } from "../tensor.ts";

/** A node as a file writes it, its inputs looked up. */
export interface Spelled {
  readonly op: string;
  readonly inputs: readonly (Value | null)[];
  readonly attributes: Attributes;
  /** How many outputs it has. */
  readonly outputs: number;
}

/**
 * The same node in the words of opset 20 and of the engine's table: what was an attribute before opset 18 and is an input
 * now; and ops that are another one under certain settings.
 */
export function respell(builder: GraphBuilder, node: Spelled, opset: bigint): Spelled {
  const { op, inputs, attributes } = node;
  switch (op) {
    case "ReduceMean":
    case "ReduceMax": {
      const { axes, ...rest } = attributes;
      if (opset >= 18n || axes?.type !== "ints") return node;
      return { ...node, inputs: [inputs[0] as Value, builder.ints(axes.value)], attributes: rest };
    }
    case "Split": {
      const parts: Attribute = { type: "int", value: node.outputs };
      return opset >= 18n || inputs[1]
        ? node
        : { ...node, attributes: { ...attributes, num_outputs: parts } };
    }
    case "GlobalAveragePool": {
      const axes = (inputs[0] as Value).shape.slice(2).map((_, at) => at + 2);
      return { ...node, op: "ReduceMean", inputs: [inputs[0] as Value, builder.ints(axes)] };
    }
    case "Flatten": {
      const isFirst =
        attributes.axis === undefined || (attributes.axis.type === "int" && attributes.axis.value === 1);
      const shape = builder.ints([0, -1]);
      return isFirst ? { ...node, op: "Reshape", inputs: [inputs[0] as Value, shape], attributes: {} } : node;
    }
    case "Dropout":
      return { ...node, op: "Identity", inputs: [inputs[0] as Value], attributes: {} };
    default:
      return node;
  }
}

/** Ops that aren't in the engine's table and needn't be. */
export const RESPELT: ReadonlySet<string> = new Set(["Constant", "Dropout", "Flatten", "GlobalAveragePool"]);

/** The tensor of a Constant node, in whichever form it is written; undefined for strings, lists of floats and sparse tensors. */
export function constantOf(attributes: Attributes): Tensor | undefined {
  const { value, value_float, value_int, value_ints } = attributes;
  if (value?.type === "tensor") return value.value;
  if (value_float?.type === "float") return float32([value_float.value], []);
  if (value_int?.type === "int") return int64([value_int.value], []);
  if (value_ints?.type === "ints") return int64(value_ints.value, [value_ints.value.length]);
  return undefined;
}
