import {
  float32,
  type Graph,
  GraphBuilder,
  int64,
  type Node,
  openReferenceSession,
  prune,
  sizeOf,
  type Tensor,
  type Value,
} from "@kilotune/engine";

/**
 * An exported graph for one image, so that all sizes are numbers, with what is asked again and again: who made a value,
 * who reads it, what a constant holds.
 */
export class GraphIndex {
  readonly graph: Graph;
  readonly #producers = new Map<string, Node>();
  readonly #readers = new Map<string, Node[]>();
  readonly #constants = new Map<string, Tensor>();

  constructor(graph: Graph) {
    this.graph = graph;
    for (const { value, source } of graph.initializers)
      if ("data" in source) this.#constants.set(value.name, source);
    for (const node of graph.nodes) {
      for (const output of node.outputs) this.#producers.set(output.name, node);
      for (const input of new Set(node.inputs)) {
        if (input === null) continue;
        const readers = this.#readers.get(input.name) ?? [];
        this.#readers.set(input.name, [...readers, node]);
      }
    }
  }

  producer(value: Value): Node | undefined {
    return this.#producers.get(value.name);
  }

  readers(value: Value): readonly Node[] {
    return this.#readers.get(value.name) ?? [];
  }

  constant(value: Value | null | undefined): Tensor | undefined {
    return value ? this.#constants.get(value.name) : undefined;
  }

  /** The value that this one is, element by element and in the same order. */
  source(value: Value): Value {
    const node = this.producer(value);
    if (node === undefined || !SAME_ORDER.has(node.op)) return value;
    if (node.op === "Cast" && node.inputs[0]?.dtype !== value.dtype) return value;
    return this.source(node.inputs[0] as Value);
  }

  isSame(a: Value, b: Value): boolean {
    return this.source(a).name === this.source(b).name;
  }

  /** Who reads a value, or the same in another shape. */
  readersOfSame(value: Value): Node[] {
    return this.readers(value).flatMap((node) => {
      const keeps = SAME_ORDER.has(node.op) && node.inputs[0]?.name === value.name;
      return keeps ? this.readersOfSame(node.outputs[0] as Value) : [node];
    });
  }

  /** Of a node with two inputs, the constant one and the other; undefined where not exactly one is constant. */
  split(node: Node): { constant: Tensor; other: Value; constantAt: number } | undefined {
    const [a, b] = node.inputs as [Value, Value];
    const [left, right] = [this.constant(a), this.constant(b)];
    if (left !== undefined && right === undefined) return { constant: left, other: b, constantAt: 0 };
    if (right !== undefined && left === undefined) return { constant: right, other: a, constantAt: 1 };
    return undefined;
  }

  /**
   * What the nodes above `to` make of numbers given to some values: how they are moved and scaled is found out by trying,
   * whatever way an exporter spelt it. undefined where something else than those values and constants is read.
   */
  async through(
    from: readonly (readonly [value: Value, data: Float64Array])[],
    to: Value,
  ): Promise<Float64Array | undefined> {
    const itself = from.find(([value]) => value.name === to.name);
    if (itself !== undefined) return itself[1];
    const inputs = from.map(([value]) => value);
    const nodes = this.#between(inputs, to);
    if (nodes === undefined) return undefined;
    const read = new Set(nodes.flatMap((node) => node.inputs.map((input) => input?.name)));
    const part: Graph = {
      name: "path",
      inputs,
      outputs: [to],
      nodes,
      initializers: this.graph.initializers.filter(({ value }) => read.has(value.name)),
    };
    const feeds = from.map(([{ name, shape }, data]): [string, Tensor] => [
      name,
      { type: "float64", dims: shape as number[], data },
    ]);
    const results = await openReferenceSession(part).run(Object.fromEntries(feeds));
    return (results[to.name] as Tensor).data as Float64Array;
  }

  #between(from: readonly Value[], to: Value): Node[] | undefined {
    const needed = new Set<Node>();
    const visit = (value: Value): boolean => {
      if (from.some(({ name }) => name === value.name) || this.constant(value) !== undefined) return true;
      const node = this.producer(value);
      if (node === undefined) return false;
      if (needed.has(node)) return true;
      needed.add(node);
      const isSmall = node.outputs.every(({ shape }) => sizeOf(shape.map(Number)) <= MAX_ELEMENTS);
      return (
        isSmall && needed.size <= MAX_PATH && node.inputs.every((input) => input === null || visit(input))
      );
    };
    return visit(to) ? this.graph.nodes.filter((node) => needed.has(node)) : undefined;
  }
}

/** Nobody's way from a product to an attention is longer; a longer one leads out of the layer. */
const MAX_PATH = 64;

/** The widest layer of an image of 4,096 x 4,096; a file may ask for more than there is memory. */
const MAX_ELEMENTS = 2 ** 26;

const SAME_ORDER: ReadonlySet<string> = new Set(["Reshape", "Identity", "Squeeze", "Unsqueeze", "Cast"]);

/**
 * The graph with its only input at another shape: the sizes of all values follow, and shapes become constants. Of a graph
 * that was exported for one image, a Reshape to [1, ..] keeps whatever number of images it gets.
 */
export function atShape(graph: Graph, shape: readonly (number | string)[]): Graph {
  const b = new GraphBuilder(graph.name);
  const values = new Map<string, Value>();
  for (const input of graph.inputs) values.set(input.name, b.input(input.name, input.dtype, shape));
  for (const { value, source } of graph.initializers)
    if ("data" in source) values.set(value.name, b.constant(source, value.name));
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((input) => (input === null ? null : (values.get(input.name) as Value)));
    if (node.op === "Reshape") inputs[1] = keepingRows(b, inputs as [Value, Value]);
    const outputs = b.node(node.op, inputs, node.attributes, {
      name: node.name,
      outputs: node.outputs.map(({ name }) => name),
    });
    for (const output of outputs) {
      const content = output.dtype === "int64" ? b.dimsContent(output) : undefined;
      const known = content?.every((dim) => typeof dim === "number")
        ? b.constant(int64(content as number[], output.shape.length === 0 ? [] : [content.length]))
        : output;
      values.set(output.name, known);
    }
  }
  for (const output of graph.outputs) b.output(values.get(output.name) as Value);
  return prune(b.build());
}

function keepingRows(b: GraphBuilder, [x, shape]: readonly [Value, Value]): Value {
  const wanted = b.constantOf(shape);
  if (typeof x.shape[0] !== "string" || wanted === undefined || Number(wanted.data[0]) !== 1) return shape;
  const rest = b.ints(Array.from(wanted.data, Number).slice(1));
  return b.op("Concat", [b.dimOf(x, 0), rest], { axis: 0 });
}

/** The numbers of a constant, as they are stored. */
export function floats(tensor: Tensor): Float32Array {
  return tensor.data instanceof Float32Array
    ? tensor.data
    : (float32([...tensor.data].map(Number), tensor.dims).data as Float32Array);
}
