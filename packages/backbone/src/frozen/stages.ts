import type { Graph, Node, Value } from "@kilotune/engine";

/** A place of a convolutional graph where channels can be scaled and shifted, and that a head can read. */
export interface Stage {
  /** C3 is what the backbone gives at an eighth of the image, P3 what a neck makes of that; C4 at a sixteenth, and so on. */
  readonly name: string;
  /** Of the graph's value. */
  readonly value: string;
  readonly channels: number;
  readonly stride: number;
}

/**
 * Finds the levels of a convolutional graph (Lin et al., arXiv:1612.03144): C, the first value of a size that leads to
 * another size; P, the last from which several nodes go on, the heads as a rule. One and the same is called P.
 */
export function findStages(graph: Graph, [height, width]: readonly [number, number]): Stage[] {
  const readers = new Map<string, Node[]>();
  for (const node of graph.nodes)
    for (const input of new Set(node.inputs))
      if (input !== null) readers.set(input.name, [...(readers.get(input.name) ?? []), node]);
  const isOutput = new Set(graph.outputs.map(({ name }) => name));
  const levels = new Map<number, { value: Value; leaves: boolean; joint: boolean }[]>();
  for (const node of graph.nodes)
    for (const value of node.outputs) {
      const stride = strideOf(value, height, width);
      const read = (readers.get(value.name) ?? []).filter(({ op }) => op !== "Shape");
      if (stride === undefined || isActivated(read)) continue;
      const leaves = read.some((reader) => changesSize(reader, height, width, stride));
      const joint = read.length > 1 || isOutput.has(value.name);
      if (leaves || joint) levels.set(stride, [...(levels.get(stride) ?? []), { value, leaves, joint }]);
    }
  return [...levels]
    .sort(([a], [b]) => a - b)
    .flatMap(([stride, found]) => {
      const at = found.findIndex(({ leaves }) => leaves);
      const first = found[at]?.value;
      // What branches before the size is left for the first time lies within a block.
      const last = found.slice(Math.max(at, 0)).findLast(({ joint }) => joint)?.value ?? first;
      const stage = (letter: string, { name, shape }: Value): Stage => ({
        name: `${letter}${Math.log2(stride)}`,
        value: name,
        channels: shape[1] as number,
        stride,
      });
      if (last === undefined) return [];
      return first === undefined || first.name === last.name
        ? [stage("P", last)]
        : [stage("C", first), stage("P", last)];
    });
}

/** Half the image or less, by the same power of two both ways; undefined for what isn't maps of an image. */
function strideOf({ dtype, shape }: Value, height: number, width: number): number | undefined {
  const [, channels, rows, columns] = shape;
  if (shape.length !== 4 || dtype !== "float32" || typeof channels !== "number") return undefined;
  const stride = height / (rows as number);
  return stride >= 4 && Number.isInteger(Math.log2(stride)) && width / (columns as number) === stride
    ? stride
    : undefined;
}

function changesSize(reader: Node, height: number, width: number, stride: number): boolean {
  const after = strideOf(reader.outputs[0] as Value, height, width);
  return after !== undefined && after !== stride;
}

/** x * sigmoid(x) reads x twice, and is one reader. */
function isActivated(readers: readonly Node[]): boolean {
  const [a, b] = readers;
  if (readers.length !== 2) return false;
  const pair = [a, b] as Node[];
  const gate = pair.find(({ op }) => op === "Sigmoid")?.outputs[0];
  const product = pair.find(({ op }) => op === "Mul")?.inputs ?? [];
  return gate !== undefined && product.some((input) => input?.name === gate.name);
}
