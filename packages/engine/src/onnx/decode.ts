import { fromBinary } from "@bufbuild/protobuf";
import { EngineError } from "../error.ts";
import { GraphBuilder } from "../ir/builder.ts";
import type { Dim } from "../ir/dim.ts";
import { type Graph, isExternal, type Value } from "../ir/graph.ts";
import { realOf, tensorOf } from "../ops/real.ts";
import type { RealTensor } from "../ops/rule.ts";
import { isOpName, OPS, type OpName } from "../ops/table.ts";
import { int64, sizeOf, type Tensor } from "../tensor.ts";
import { fromAttributeProtos } from "./attribute.ts";
import {
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type OperatorSetIdProto,
} from "./generated/onnx_pb.js";
import { quote, refuse } from "./refuse.ts";
import { constantOf, RESPELT, respell, type Spelled } from "./spelling.ts";
import { fromTensorProto } from "./tensor.ts";
import { fromValueInfo } from "./value-info.ts";

export interface OnnxCaps {
  /**
   * Of the whole file. Two bytes of it can become an object of a hundred, so that this is what bounds memory. Plenty
   * for a graph whose weights lie beside it; raise it for a file that has them inside and whose origin is known.
   */
  readonly sizeBytes: number;
}

const DEFAULT_ONNX_CAPS: OnnxCaps = { sizeBytes: 8 * 2 ** 20 };

export interface OnnxOptions extends Partial<OnnxCaps> {
  /**
   * Computes at once what doesn't depend on an input, shapes included: of a graph as exporters write it, the part remains
   * that sees data, and shapes that it computes on its way are known. Off, a graph comes back as it was written, but for the spelling of opsets before 18.
   */
  readonly fold?: boolean;
  /**
   * Told of each op that the engine doesn't know, which is then left out with all that reads it, instead of an error. What
   * was read there becomes outputs of the graph in place of those that are gone.
   */
  readonly onUnknown?: (op: string) => void;
  /** The shape to read an input with, where the file leaves open what has to be known, such as an image's size. */
  readonly inputShape?: (name: string, shape: readonly Dim[]) => readonly Dim[];
}

/**
 * Reads an .onnx file of opsets 13 to 23: in these the ops of the engine's table mean what they mean in opset 20, but for
 * reductions and Split, which before 18 took attributes where they now take inputs, and are respelt. Types and shapes between inputs and
 * outputs are inferred anew; what the file says of them isn't read.
 *
 * Throws `bad_onnx` for a file that is damaged or wrong in itself, `unsupported_op` for what the engine doesn't know,
 * `shape_mismatch` where the inputs or attributes of a node don't fit its op.
 */
export function decodeOnnx(bytes: Uint8Array, options: OnnxOptions = {}): Graph {
  const { sizeBytes, fold = false, onUnknown, inputShape } = { ...DEFAULT_ONNX_CAPS, ...options };
  if (bytes.length > sizeBytes) {
    const hint = "Store the weights as external data, or raise the cap if you trust the file.";
    throw refuse(`a file of at most ${sizeBytes} bytes`, `${bytes.length} bytes`, hint);
  }
  const model = parse(bytes);
  const opset = checkOpset(model.opsetImport);
  if (model.graph === undefined) throw refuse("a model with a graph", "none", NOT_ONNX);
  try {
    return toGraph(model.graph, { opset, fold, onUnknown, inputShape });
  } catch (cause) {
    if (cause instanceof EngineError) throw cause;
    // The builder takes its caller for a programmer, whose mistakes are plain errors; here the caller is a file.
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new EngineError(
      "bad_onnx",
      `ONNX: ${message.slice(0, 1000)}`,
      "Check the model with onnx.checker.",
      { cause },
    );
  }
}

const NOT_ONNX = "The file is damaged or isn't ONNX: fetch it again.";

function parse(bytes: Uint8Array): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, bytes, { readUnknownFields: false });
  } catch (cause) {
    const seen = cause instanceof Error ? cause.message : String(cause);
    throw refuse("an ONNX model in protobuf", seen, NOT_ONNX);
  }
}

function checkOpset(imports: readonly OperatorSetIdProto[]): bigint {
  const own = imports.find(({ domain }) => isOwnDomain(domain));
  if (own === undefined) throw refuse("a model that names its opset", "none", NOT_ONNX);
  if (own.version < 13n || own.version > 23n) {
    const hint = "Convert the model with onnx.version_converter to opset 20.";
    throw refuse("opset 13 to 23", `opset ${own.version}`, hint, "unsupported_op");
  }
  return own.version;
}

/** The standard's ops go by either name. */
function isOwnDomain(domain: string): boolean {
  return domain === "" || domain === "ai.onnx";
}

interface Reading {
  readonly opset: bigint;
  readonly fold: boolean;
  readonly onUnknown: OnnxOptions["onUnknown"] | undefined;
  readonly inputShape: OnnxOptions["inputShape"] | undefined;
}

function toGraph(graph: GraphProto, reading: Reading): Graph {
  const builder = new GraphBuilder(graph.name);
  const values = new Map<string, Value>();
  // Old files list the weights among the inputs as well.
  const weights = new Set(graph.initializer.map(({ name }) => name));
  for (const [index, input] of graph.input.entries()) {
    if (weights.has(input.name)) continue;
    const { name, dtype, shape } = fromValueInfo(input, index);
    values.set(name, builder.input(name, dtype, reading.inputShape?.(name, shape) ?? shape));
  }
  for (const initializer of graph.initializer) {
    const { name, dtype, dims, source } = fromTensorProto(initializer);
    const value = isExternal(source)
      ? builder.weight(name, dtype, dims, source)
      : builder.constant(source, name);
    values.set(name, value);
  }
  const gone = new Set<string>();
  const edge = new Map<string, Value>();
  for (const node of graph.node) {
    const unknown = reading.onUnknown !== undefined && !isKnown(node);
    if (unknown) reading.onUnknown?.(node.opType);
    if (unknown || node.input.some((input) => gone.has(input))) {
      for (const output of node.output) gone.add(output);
      for (const input of node.input) {
        const value = values.get(input);
        if (value !== undefined && builder.constantOf(value) === undefined) edge.set(input, value);
      }
      continue;
    }
    const names = outputNames(node);
    const outputs = addNode(builder, node, names, values, reading);
    outputs.forEach((output, at) => void values.set(names[at] as string, output));
  }
  for (const { name } of graph.output)
    if (!gone.has(name)) builder.output(lookUp(values, name, "the graph's outputs"));
  for (const value of edge.values()) builder.output(value);
  return builder.build();
}

function isKnown({ opType, domain }: NodeProto): boolean {
  if (!isOwnDomain(domain)) return false;
  return isOpName(opType) || RESPELT.has(opType);
}

function addNode(
  builder: GraphBuilder,
  node: NodeProto,
  names: readonly string[],
  values: ReadonlyMap<string, Value>,
  { opset, fold }: Reading,
): readonly Value[] {
  const { opType, domain, name } = node;
  const at = `node ${quote(name || (node.output[0] ?? ""))}`;
  const inputs = node.input.map((input) => (input === "" ? null : lookUp(values, input, at)));
  const attributes = fromAttributeProtos(node.attribute, at);
  const constant = opType === "Constant" && isOwnDomain(domain) ? constantOf(attributes) : undefined;
  if (constant !== undefined) return [builder.constant(constant, names[0])];
  const spelt = isOwnDomain(domain)
    ? respell(builder, { op: opType, inputs, attributes, outputs: names.length }, opset)
    : undefined;
  if (spelt === undefined || !isOpName(spelt.op)) {
    const op = quote(domain === "" ? opType : `${domain}.${opType}`);
    const hint = "Export the model so that it does without this op.";
    throw refuse(`${at} to have an op of the engine's table`, op, hint, "unsupported_op");
  }
  const folded = fold ? evaluated(builder, { ...spelt, op: spelt.op }, names) : undefined;
  if (folded !== undefined) return folded;
  const outputs = builder.node(spelt.op, spelt.inputs, spelt.attributes, { name, outputs: names });
  return fold ? outputs.map((output) => knownContent(builder, output) ?? output) : outputs;
}

/** The outputs of a node that reads constants alone; undefined for others, and for those that would take long. */
function evaluated(
  builder: GraphBuilder,
  { op, inputs, attributes }: Spelled & { readonly op: OpName },
  names: readonly string[],
): Value[] | undefined {
  const constants = inputs.map((input) => (input === null ? null : builder.constantOf(input)));
  if (constants.some((constant) => constant === undefined)) return undefined;
  const given = constants as (Tensor | null)[];
  // Inferred before it is computed: a few bytes can ask for a constant of gigabytes.
  const scratch = new GraphBuilder(builder.name);
  const values = given.map((tensor, at) => (tensor === null ? null : scratch.constant(tensor, `input${at}`)));
  const outputs = scratch.node(op, values, attributes, { outputs: names });
  const elements = [...values, ...outputs].map((value) =>
    value === null ? 0 : sizeOf(value.shape.map(Number)),
  );
  if (!elements.every((count) => count <= FOLDED_ELEMENTS)) return undefined;
  const read = given.map((tensor) => (tensor === null ? null : realOf(tensor)));
  const results = OPS[op].evaluate({ inputs: read, attributes, outputCount: names.length });
  return names.map((name, at) => builder.constant(tensorOf(results[at] as RealTensor), name));
}

/** The largest weights of transformers are turned around in a second; nobody's tables are larger. */
const FOLDED_ELEMENTS = 2 ** 26;

/** An int64 vector whose content is known in numbers, though it was taken from the shape of data. */
function knownContent(builder: GraphBuilder, { dtype, shape, name }: Value): Value | undefined {
  const content = builder.dimsContent({ dtype, shape, name });
  if (dtype !== "int64" || content === undefined || !content.every((dim) => typeof dim === "number"))
    return undefined;
  return builder.constant(int64(content as number[], shape.length === 0 ? [] : [content.length]));
}

/** Outputs left out at the end aren't asked for; one left out before another gets a name that nobody reads. */
function outputNames({ output }: NodeProto): string[] {
  const last = output.findLastIndex((name) => name !== "");
  return output.slice(0, last + 1).map((name, at) => name || `${output[last]}.unused.${at}`);
}

function lookUp(values: ReadonlyMap<string, Value>, name: string, reader: string): Value {
  const value = values.get(name);
  if (value === undefined) throw refuse(`${reader} to read values that stand before it`, quote(name));
  return value;
}
