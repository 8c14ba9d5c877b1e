/** What a head learns: an input of its graph each, under this name. */
export interface HeadTensor {
  readonly name: string;
  readonly dims: readonly number[];
  /** Numbers of a weight start random and small enough to keep the spread of what comes in; a bias starts at one value. */
  readonly start:
    | { readonly kind: "random"; readonly fanIn: number }
    | { readonly kind: "value"; readonly value: number };
}

/** By name, in the tensors' shapes, flat. */
export type HeadNumbers = Readonly<Record<string, Float32Array>>;

/** @param random `prng(seed, "head")` of @kilotune/dataset */
export function startHead(tensors: readonly HeadTensor[], random: { normal(): number }): HeadNumbers {
  return Object.fromEntries(
    tensors.map(({ name, dims, start }) => {
      const numbers = new Float32Array(dims.reduce((a, b) => a * b, 1));
      if (start.kind === "value") numbers.fill(start.value);
      else for (let i = 0; i < numbers.length; i++) numbers[i] = random.normal() / Math.sqrt(start.fanIn);
      return [name, numbers];
    }),
  );
}

/** Of a file that keeps them with so many bytes a number: 2 as halves, 4 as they are. */
export function headBytes(tensors: readonly HeadTensor[], bytesEach: 2 | 4): number {
  return bytesEach * tensors.reduce((sum, { dims }) => sum + dims.reduce((a, b) => a * b, 1), 0);
}

export function weight(name: string, into: number, from: number, fanIn = from): HeadTensor {
  return { name, dims: [from, into], start: { kind: "random", fanIn } };
}

export function bias(name: string, size: number, value = 0): HeadTensor {
  return { name, dims: [size], start: { kind: "value", value } };
}
