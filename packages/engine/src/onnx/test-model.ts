import { create, type DescMessage, type Message, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { bytesOfTensor } from "../safetensors/tensor-bytes.ts";
import { float32 } from "../tensor.ts";
import {
  type AttributeProtoSchema,
  type GraphProtoSchema,
  ModelProtoSchema,
  type NodeProtoSchema,
  TensorProto_DataLocation as DataLocation,
  type TensorProtoSchema,
  type ValueInfoProtoSchema,
} from "./generated/onnx_pb.js";

/** For tests: models that a caller of the encoder can't make, one part of each replaced. */

type Parts<Schema extends DescMessage> = Exclude<MessageInitShape<Schema>, Message>;

/** A sound model, sum = x + w, with parts of its graph replaced. */
export function model(graph: Parts<typeof GraphProtoSchema>): Uint8Array {
  const sound = {
    name: "sum",
    input: [input("x")],
    initializer: [weight()],
    node: [{ name: "add", opType: "Add", input: ["x", "w"], output: ["sum"] }],
    output: [],
  };
  const opsetImport = [{ domain: "", version: 20n }];
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, { opsetImport, graph: { ...sound, ...graph } as typeof sound }),
  );
}

export function node(parts: Parts<typeof NodeProtoSchema>): Uint8Array {
  return model({
    node: [{ name: "add", opType: "Add", input: ["x", "w"], output: ["sum"], ...parts } as never],
  });
}

export function attribute(parts: Parts<typeof AttributeProtoSchema>): Uint8Array {
  return node({ attribute: [{ name: "a", ...parts } as never] });
}

export function initializer(tensor: Parts<typeof TensorProtoSchema>): Uint8Array {
  return model({ initializer: [tensor] });
}

export function input(name: string, dim = 2n): Parts<typeof ValueInfoProtoSchema> {
  return { name, type: tensorType(1, [{ value: { case: "dimValue", value: dim } }]) };
}

type Dimension = { value?: { case: "dimValue"; value: bigint } | { case: "dimParam"; value: string } };

export function tensorType(elemType: number, dim?: Dimension[]) {
  const value = dim === undefined ? { elemType } : { elemType, shape: { dim } };
  return { value: { case: "tensorType" as const, value } };
}

export function weight(parts: Parts<typeof TensorProtoSchema> = {}): Parts<typeof TensorProtoSchema> {
  return {
    name: "w",
    dataType: 1,
    dims: [2n],
    rawData: bytesOfTensor(float32([1, 2], [2])),
    ...parts,
  } as never;
}

export function external(fields: Record<string, string>): Parts<typeof TensorProtoSchema> {
  return {
    name: "w",
    dataType: 1,
    dims: [2n],
    dataLocation: DataLocation.EXTERNAL,
    externalData: Object.entries(fields).map(([key, value]) => ({ key, value })),
  };
}

export function opsets(version: bigint): Uint8Array {
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, { opsetImport: [{ domain: "", version }] }));
}
