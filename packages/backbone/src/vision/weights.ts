import type { MadeWeight } from "../bundle/plan-weights.ts";
import type { WantedTensor } from "../checkpoint-names.ts";
import { gridOf, type VisionCheckpoint, type VisionConfig } from "./config.ts";
import { stretchPositions } from "./positions.ts";

/** What a family calls the parts of its checkpoint. Each part has `.weight` and `.bias`. */
export interface VisionNames {
  readonly classToken: WantedTensor;
  readonly registers?: WantedTensor;
  readonly positions: WantedTensor;
  readonly patch: string;
  readonly inputNorm?: string;
  readonly norm: string;
  layer(at: number): {
    readonly query: string;
    readonly key: string;
    readonly value: string;
    readonly attentionOutput: string;
    readonly norm1: string;
    readonly norm2: string;
    readonly intermediate: string;
    readonly output: string;
    /** Layer scale: factors [H] of what attention and MLP add, which go into the weights. */
    readonly scale1?: string;
    readonly scale2?: string;
  };
}

/** Every weight of the graphs. H hidden, I intermediate. */
export function visionWeights(checkpoint: VisionCheckpoint, names: VisionNames): MadeWeight[] {
  const { config, qkvBias } = checkpoint;
  const { hiddenSize: H, intermediateSize: I, mlp } = config;
  const wide = mlp === "gated" ? 2 * I : I;
  const rows: MadeWeight[] = [...embeddingWeights(checkpoint, names)];
  if (names.inputNorm !== undefined) rows.push(...norm("embeddings.norm", names.inputNorm, H));
  for (let at = 0; at < config.layers; at++) {
    const theirs = names.layer(at);
    const layer = `layer.${at}`;
    rows.push(
      ...linear(`${layer}.attention.query`, theirs.query, [H, H], { bias: qkvBias }),
      ...linear(`${layer}.attention.key`, theirs.key, [H, H], { bias: qkvBias }),
      ...linear(`${layer}.attention.value`, theirs.value, [H, H], { bias: qkvBias }),
      ...linear(`${layer}.attention.output`, theirs.attentionOutput, [H, H], { scale: theirs.scale1 }),
      ...norm(`${layer}.norm1`, theirs.norm1, H),
      ...norm(`${layer}.norm2`, theirs.norm2, H),
      ...linear(`${layer}.intermediate`, theirs.intermediate, [wide, H]),
      ...linear(`${layer}.output`, theirs.output, [H, I], { scale: theirs.scale2 }),
    );
  }
  rows.push(...norm("norm", names.norm, H));
  return rows;
}

/** The class token has a position, registers have none; a patch's bias goes into its position. */
function embeddingWeights(checkpoint: VisionCheckpoint, names: VisionNames): MadeWeight[] {
  const { config, trainedGrid, antialiasPositions, patchBias } = checkpoint;
  const { hiddenSize: H, patchSize, leadingTokens } = config;
  const grid = gridOf(config);
  const patch = (shape: readonly number[], part: string) => ({ name: `${names.patch}.${part}`, shape });
  const weight = patch([H, 3, patchSize, patchSize], "weight");
  return [
    { ours: "embeddings.patch", shape: weight.shape, theirs: [weight] },
    {
      ours: "embeddings.leading",
      shape: [leadingTokens, H],
      theirs: [names.classToken, names.positions, ...(names.registers ? [names.registers] : [])],
      make: ([token, positions, registers]) => {
        const rows = new Float32Array(leadingTokens * H);
        rows.set((token as Float32Array).map((x, at) => x + (positions?.[at] as number)));
        if (registers !== undefined) rows.set(registers, H);
        return rows;
      },
    },
    {
      ours: "embeddings.position",
      shape: [grid[0] * grid[1], H],
      theirs: [names.positions, ...(patchBias ? [patch([H], "bias")] : [])],
      make: ([positions, bias]) => {
        const table = stretchPositions((positions as Float32Array).subarray(H), trainedGrid, grid, {
          antialias: antialiasPositions,
        });
        return table.map((x, at) => x + (bias?.[at % H] ?? 0));
      },
    },
  ];
}

/** weight [out, in] and bias [out]; `scale` names factors [out] of both. An absent bias is zeros. */
function linear(
  ours: string,
  theirs: string,
  [out, into]: readonly [number, number],
  { bias = true, scale }: { bias?: boolean; scale?: string | undefined } = {},
): MadeWeight[] {
  const factors = scale === undefined ? [] : [{ name: scale, shape: [out] }];
  const scaled = ([values, by]: readonly Float32Array[]) => scaleRows(values as Float32Array, by);
  return [
    {
      ours: `${ours}.weight`,
      shape: [out, into],
      theirs: [{ name: `${theirs}.weight`, shape: [out, into] }, ...factors],
      make: scaled,
    },
    bias
      ? {
          ours: `${ours}.bias`,
          shape: [out],
          theirs: [{ name: `${theirs}.bias`, shape: [out] }, ...factors],
          make: scaled,
        }
      : { ours: `${ours}.bias`, shape: [out], theirs: [], make: () => new Float32Array(out) },
  ];
}

/** Rows of a matrix, or numbers of a vector, each times its factor. */
export function scaleRows(values: Float32Array, factors: Float32Array | undefined): Float32Array {
  if (factors === undefined) return values;
  const width = values.length / factors.length;
  return values.map((x, at) => x * (factors[Math.floor(at / width)] as number));
}

function norm(ours: string, theirs: string, size: number): MadeWeight[] {
  return ["weight", "bias"].map((part) => ({
    ours: `${ours}.${part}`,
    shape: [size],
    theirs: [{ name: `${theirs}.${part}`, shape: [size] }],
  }));
}

/** Shapes of the tables that all families have: [1, 1 + patches, H], or without the first axis. */
export function tableShapes({ hiddenSize: H }: VisionConfig, [rows, columns]: readonly [number, number]) {
  return { one: [1, 1, H], table: [1, 1 + rows * columns, H], flat: [1 + rows * columns, H], vector: [H] };
}
