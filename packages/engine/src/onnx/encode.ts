import { create, toBinary } from "@bufbuild/protobuf";
import type { Graph, Node } from "../ir/graph.ts";
import { toAttributeProto } from "./attribute.ts";
import { type ModelProto, ModelProtoSchema, NodeProtoSchema } from "./generated/onnx_pb.js";
import { toTensorProto } from "./tensor.ts";
import { toValueInfo } from "./value-info.ts";

/**
 * The graph as an .onnx file: IR version 10, opset 20. Weights that lie in a file beside it stay there; symbolic dims
 * are written as they read ("P+S"), which ONNX takes for names.
 */
export function encodeOnnx(graph: Graph): Uint8Array {
  return toBinary(ModelProtoSchema, toModelProto(graph));
}

function toModelProto(graph: Graph): ModelProto {
  return create(ModelProtoSchema, {
    irVersion: 10n,
    producerName: "kilotune",
    opsetImport: [{ domain: "", version: 20n }],
    graph: {
      name: graph.name,
      input: graph.inputs.map(toValueInfo),
      output: graph.outputs.map(toValueInfo),
      initializer: graph.initializers.map(({ value, source }) => toTensorProto(value, source)),
      node: graph.nodes.map(toNodeProto),
    },
  });
}

function toNodeProto({ op, name, inputs, outputs, attributes }: Node) {
  return create(NodeProtoSchema, {
    opType: op,
    name,
    // Left out at the end means not written: for an empty last name, ONNX Runtime 1.30's LayerNormalization crashes.
    input: inputs
      .slice(0, inputs.findLastIndex((input) => input !== null) + 1)
      .map((input) => input?.name ?? ""),
    output: outputs.map((output) => output.name),
    attribute: Object.entries(attributes).map(([key, attribute]) => toAttributeProto(key, attribute)),
  });
}
