import { create } from "@bufbuild/protobuf";
import type { ExternalData } from "../ir/graph.ts";
import {
  type StringStringEntryProto,
  StringStringEntryProtoSchema,
  TensorProto_DataLocation,
} from "./generated/onnx_pb.js";
import { quote, refuse } from "./refuse.ts";

/** ExternalData <-> the key-value pairs of a TensorProto. */
export function toExternalData({ location, offset, length }: ExternalData) {
  return {
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: Object.entries({ location, offset, length }).map(([key, value]) =>
      create(StringStringEntryProtoSchema, { key, value: String(value) }),
    ),
  };
}

/** `sizeBytes` is what the shape asks for; a file may leave out the offset (0) and the length. */
export function fromExternalData(
  pairs: readonly StringStringEntryProto[],
  sizeBytes: number,
  at: string,
): ExternalData {
  const fields = new Map(pairs.map(({ key, value }) => [key, value]));
  if (fields.size < pairs.length) throw refuse(`${at} to have each key of external_data once`, "one twice");
  const location = fields.get("location") ?? "";
  if (!isPlainFileName(location)) {
    const hint = "Put the weights into one file beside the .onnx file.";
    throw refuse(`${at} to lie in a file beside the model`, quote(location), hint);
  }
  const offset = parseCount(fields.get("offset") ?? "0", "offset", at);
  const length = parseCount(fields.get("length") ?? String(sizeBytes), "length", at);
  if (length !== sizeBytes) throw refuse(`${at} to have ${sizeBytes} bytes`, `a length of ${length}`);
  return { location, offset, length };
}

/**
 * One file of the model's own folder. No separator of any system, no drive, no NUL, no "..": the session opens what
 * stands here, and a model must not be able to read the rest of the disk.
 */
function isPlainFileName(location: string): boolean {
  return /^[^/\\:\p{Cc}]{1,255}$/u.test(location) && location !== "." && location !== "..";
}

function parseCount(text: string, key: string, at: string): number {
  const count = Number(text);
  if (!/^\d{1,16}$/.test(text) || !Number.isSafeInteger(count)) {
    throw refuse(`${at} to have a number of bytes as ${key}`, quote(text));
  }
  return count;
}
