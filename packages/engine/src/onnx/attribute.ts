import { create } from "@bufbuild/protobuf";
import type { Attribute, Attributes } from "../ir/graph.ts";
import { isExternal } from "../ir/graph.ts";
import {
  type AttributeProto,
  AttributeProto_AttributeType as AttributeType,
  AttributeProtoSchema,
} from "./generated/onnx_pb.js";
import { quote, refuse } from "./refuse.ts";
import { fromTensorProto, toTensorProto } from "./tensor.ts";

/** Attribute <-> AttributeProto. A float attribute is a float32 in the file. */
export function toAttributeProto(name: string, attribute: Attribute): AttributeProto {
  return create(AttributeProtoSchema, { name, ...toFields(attribute) });
}

/** `at` names the node, for messages. */
export function fromAttributeProtos(protos: readonly AttributeProto[], at: string): Attributes {
  const names = new Set(protos.map(({ name }) => name));
  if (names.size < protos.length) throw refuse(`${at} to have each attribute once`, "one twice");
  return Object.fromEntries(
    protos.map((proto) => [proto.name, fromFields(proto, `attribute ${quote(proto.name)} of ${at}`)]),
  );
}

function toFields(attribute: Attribute) {
  switch (attribute.type) {
    case "int":
      return { type: AttributeType.INT, i: BigInt(attribute.value) };
    case "ints":
      return { type: AttributeType.INTS, ints: attribute.value.map(BigInt) };
    case "float":
      return { type: AttributeType.FLOAT, f: attribute.value };
    case "string":
      return { type: AttributeType.STRING, s: new TextEncoder().encode(attribute.value) };
    case "tensor": {
      const { type: dtype, dims } = attribute.value;
      return {
        type: AttributeType.TENSOR,
        t: toTensorProto({ name: "", dtype, shape: dims }, attribute.value),
      };
    }
  }
}

function fromFields(proto: AttributeProto, at: string): Attribute {
  switch (proto.type) {
    case AttributeType.INT:
      return { type: "int", value: toInt(proto.i, at) };
    case AttributeType.INTS:
      return { type: "ints", value: proto.ints.map((item) => toInt(item, at)) };
    case AttributeType.FLOAT:
      return { type: "float", value: proto.f };
    case AttributeType.STRING:
      return { type: "string", value: toText(proto.s, at) };
    case AttributeType.TENSOR: {
      if (proto.t === undefined) throw refuse(`${at} to hold a tensor`, "none");
      const { source } = fromTensorProto(proto.t);
      if (isExternal(source)) throw refuse(`${at} to hold its tensor`, "external data");
      return { type: "tensor", value: source };
    }
    default: {
      const seen = AttributeType[proto.type] ?? `type ${proto.type}`;
      const hint = "Export the model so that it does without this op.";
      throw refuse(`${at} to be an int, ints, float, string or tensor`, seen, hint, "unsupported_op");
    }
  }
}

function toInt(value: bigint, at: string): number {
  const int = Number(value);
  if (!Number.isSafeInteger(int)) throw refuse(`${at} to be below 2^53`, `${value}`);
  return int;
}

function toText(bytes: Uint8Array, at: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw refuse(`${at} to be UTF-8`, "other bytes");
  }
}
