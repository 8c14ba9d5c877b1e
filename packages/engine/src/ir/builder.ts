import { type InferContext, RuleError, type TypeAndShape } from "../ops/rule.ts";
import { OPS, type OpName } from "../ops/table.ts";
import { EngineError } from "../error.ts";
import { type DType, float32, int64, type Tensor } from "../tensor.ts";
import { canonicalDim, type Dim } from "./dim.ts";
import type {
  Attribute,
  Attributes,
  Composite,
  ExternalData,
  Graph,
  Initializer,
  Node,
  Value,
} from "./graph.ts";
import { formatNode } from "./print.ts";

/**
 * Builds a graph node by node. Each node's types and shapes are inferred as it is added, so that a mistake is
 * reported at the line that made it, with the line quoted.
 */
export class GraphBuilder {
  readonly name: string;
  readonly #inputs: Value[] = [];
  readonly #outputs: Value[] = [];
  readonly #initializers: Initializer[] = [];
  readonly #nodes: Node[] = [];
  readonly #composites: Composite[] = [];
  readonly #names = new Set<string>();
  /** Number of the next name that is made up. It only grows, so that two outputs of one node never share a name. */
  #next = 0;
  /** Inline constants by value name, for the rules that need an axis or a shape. */
  readonly #constants = new Map<string, Tensor>();
  /** Symbolic content of int64 vectors and scalars, by value name. */
  readonly #dims = new Map<string, readonly Dim[]>();
  /** Constants by content, so that the thousandth 0.5 isn't a thousandth initializer. */
  readonly #interned = new Map<string, Value>();
  readonly #shapes = new Map<string, Value>();

  /** `from` continues a graph: its nodes, inputs, outputs and initializers are taken over as they are. */
  constructor(name: string, from?: Graph) {
    this.name = name;
    for (const input of from?.inputs ?? []) this.input(input.name, input.dtype, input.shape);
    for (const { value, source } of from?.initializers ?? []) this.#addInitializer(value, source);
    for (const node of from?.nodes ?? []) this.#append(node);
    for (const output of from?.outputs ?? []) this.#outputs.push(output);
    for (const composite of from?.composites ?? []) this.#composites.push(composite);
  }

  input(name: string, dtype: DType, shape: readonly Dim[]): Value {
    const value = this.#declare({ name, dtype, shape: shape.map(canonicalDim) });
    this.#inputs.push(value);
    return value;
  }

  /** A weight that lives in a file beside the graph. */
  weight(name: string, dtype: DType, dims: readonly number[], place: ExternalData): Value {
    const value = { name, dtype, shape: dims };
    this.#addInitializer(value, place);
    return value;
  }

  /** An inline constant; equal constants share one value. */
  constant(source: Tensor, name?: string): Value {
    const key = `${source.type}[${source.dims.join()}]${source.data.length <= 64 ? source.data.join() : ""}`;
    const known = source.data.length <= 64 && name === undefined ? this.#interned.get(key) : undefined;
    if (known !== undefined) return known;
    const value = { name: name ?? this.#fresh("const"), dtype: source.type, shape: source.dims };
    this.#addInitializer(value, source);
    if (name === undefined) this.#interned.set(key, value);
    return value;
  }

  scalar(value: number): Value {
    return this.constant(float32([value], []));
  }

  /** An int64 vector constant: axes, shapes, pads. */
  ints(values: readonly number[]): Value {
    return this.constant(int64(values, [values.length]));
  }

  /** Adds a node with one output. */
  op(
    op: OpName,
    inputs: readonly (Value | null)[],
    attributes: AttributeValues | Attributes = {},
    name?: string,
  ): Value {
    const [output] = this.node(op, inputs, attributes, { outputs: name === undefined ? 1 : [name] });
    return output as Value;
  }

  /** Adds a node; `outputs` says how many it has, or their names. */
  node(
    op: OpName,
    inputs: readonly (Value | null)[],
    attributes: AttributeValues | Attributes = {},
    options: { outputs?: number | readonly string[]; name?: string } = {},
  ): readonly Value[] {
    const wanted = options.outputs ?? 1;
    const names = typeof wanted === "number" ? Array.from({ length: wanted }, () => this.#fresh(op)) : wanted;
    const typed = typeAttributes(attributes);
    const draft: Node = { op, name: options.name ?? names[0] ?? op, inputs, outputs: [], attributes: typed };
    const inferred = this.#infer(draft, names.length);
    const outputs = names.map((name, at) => {
      const type = inferred[at];
      if (type === undefined)
        throw new Error(`${op} has ${inferred.length} outputs, ${names.length} were asked for`);
      return { name, dtype: type.dtype, shape: type.shape };
    });
    this.#append({ ...draft, outputs });
    return outputs;
  }

  /** Gives a value as an output of the graph, under a name of its own where one is given. */
  output(value: Value, name?: string): Value {
    const output = name === undefined || name === value.name ? value : this.op("Identity", [value], {}, name);
    this.#outputs.push(output);
    return output;
  }

  /** Has what was built between `inputs` and `output` differentiated as one op. */
  composite(composite: Composite): Value {
    this.#composites.push(composite);
    return composite.output;
  }

  /**
   * Asks a node that stands already for more of its optional outputs (LayerNormalization's mean and inverse
   * deviation): the backward graph then needn't compute them again.
   */
  extendOutputs(node: Node, count: number): readonly Value[] {
    // By output, not by name: an imported node may have no name at all.
    const at = this.#nodes.findIndex((candidate) => candidate.outputs[0]?.name === node.outputs[0]?.name);
    const standing = this.#nodes[at];
    if (standing === undefined) throw new Error(`no node ${node.name} to extend`);
    if (standing.outputs.length >= count) return standing.outputs;
    const inferred = this.#infer(standing, count);
    const added = inferred
      .slice(standing.outputs.length)
      .map(({ dtype, shape }, index) =>
        this.#declare({ name: this.#fresh(`${node.name}.${standing.outputs.length + index}`), dtype, shape }),
      );
    const outputs = [...standing.outputs, ...added];
    this.#nodes[at] = { ...standing, outputs };
    return outputs;
  }

  /** The shape as an int64 vector: a constant where every dim is a number, else one Shape node a value. */
  shapeOf(value: Value): Value {
    if (value.shape.every((dim) => typeof dim === "number")) return this.ints(value.shape as number[]);
    const known = this.#shapes.get(value.name);
    if (known !== undefined) return known;
    const shape = this.op("Shape", [value]);
    this.#shapes.set(value.name, shape);
    return shape;
  }

  /** One dim as an int64 vector of one element. */
  dimOf(value: Value, axis: number): Value {
    const dim = value.shape[axis];
    if (typeof dim === "number") return this.ints([dim]);
    return this.op("Slice", [this.shapeOf(value), this.ints([axis]), this.ints([axis + 1])]);
  }

  /** The integers behind an input that a rule wants to be a constant of the graph. */
  constantInts(value: Value): readonly number[] {
    const tensor = this.constantOf(value);
    if (tensor === undefined) throw new RuleError(`${value.name} must be a constant of the graph`);
    return Array.from(tensor.data as BigInt64Array, Number);
  }

  /** The tensor behind an inline constant; undefined for anything else. */
  constantOf(value: Value): Tensor | undefined {
    return this.#constants.get(value.name);
  }

  /** The content of an int64 vector or scalar, as far as it is known by symbols. */
  dimsContent(value: Value): readonly Dim[] | undefined {
    return this.#dims.get(value.name);
  }

  build(): Graph {
    return {
      name: this.name,
      inputs: this.#inputs,
      outputs: this.#outputs,
      initializers: this.#initializers,
      nodes: this.#nodes,
      ...(this.#composites.length > 0 && { composites: this.#composites }),
    };
  }

  #infer(node: Node, outputCount: number): readonly TypeAndShape[] {
    return this.#quoting(node, () => OPS[node.op].infer(this.#context(node, outputCount)));
  }

  /** Runs a rule; what it refuses becomes an error that quotes the node. */
  #quoting<T>(node: Node, rule: () => T): T {
    try {
      return rule();
    } catch (error) {
      if (!(error instanceof RuleError)) throw error;
      throw new EngineError(
        "shape_mismatch",
        `${this.name}: ${error.message}\n  in: ${formatNode(node)}`,
        "Mend the node that is quoted, or the one that made its input.",
        { cause: error },
      );
    }
  }

  #context({ inputs, attributes }: Node, outputCount: number): InferContext {
    return {
      inputs,
      attributes,
      outputCount,
      constant: (index) => this.#constants.get(inputs[index]?.name ?? ""),
      dims: (index) => this.#dims.get(inputs[index]?.name ?? ""),
    };
  }

  #append(node: Node): void {
    for (const output of node.outputs) this.#declare(output);
    this.#nodes.push(node);
    const context = this.#context(node, node.outputs.length);
    const dims = this.#quoting(node, () => OPS[node.op].inferDims?.(context));
    const [first] = node.outputs;
    if (dims !== undefined && first !== undefined) this.#dims.set(first.name, dims);
  }

  #addInitializer(value: Value, source: Tensor | ExternalData): void {
    this.#declare(value);
    this.#initializers.push({ value, source });
    if (!("data" in source)) return;
    this.#constants.set(value.name, source);
    if (source.type === "int64" && source.dims.length <= 1) {
      this.#dims.set(value.name, Array.from(source.data, Number));
    }
  }

  #declare(value: Value): Value {
    if (this.#names.has(value.name)) throw new Error(`${this.name}: two values are named ${value.name}`);
    this.#names.add(value.name);
    return value;
  }

  #fresh(stem: string): string {
    while (this.#names.has(`${stem}_${this.#next}`)) this.#next++;
    return `${stem}_${this.#next++}`;
  }
}

/** Attributes as one writes them; floats are marked, since 1 and 1.0 are the same number to JavaScript. */
export type AttributeValues = Readonly<Record<string, number | string | readonly number[] | Attribute>>;

export function float(value: number): Attribute {
  return { type: "float", value };
}

function typeAttributes(attributes: AttributeValues | Attributes): Attributes {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]): [string, Attribute] => {
      if (typeof value === "number") return [name, { type: "int", value }];
      if (typeof value === "string") return [name, { type: "string", value }];
      if (Array.isArray(value)) return [name, { type: "ints", value }];
      return [name, value as Attribute];
    }),
  );
}
