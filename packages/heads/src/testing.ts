import { type Feeds, float32, type Graph, openReferenceSession, type Session } from "@kilotune/engine";
import type { HeadNumbers, HeadTensor } from "./head-tensors.ts";

/** Small numbers that look random and are the same on every machine. */
export function noise(seed: number): { normal(): number; uniform(): number } {
  let state = seed;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  return { uniform, normal: () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()) };
}

export function feedsOf(tensors: readonly HeadTensor[], numbers: HeadNumbers): Feeds {
  return Object.fromEntries(tensors.map(({ name, dims }) => [name, float32(numbers[name]!, dims)]));
}

/** Adam by its paper, on all of a head's numbers. @returns the losses */
export async function learn(
  session: Session,
  tensors: readonly HeadTensor[],
  numbers: HeadNumbers,
  feeds: Feeds,
  { steps, rate }: { steps: number; rate: number },
): Promise<number[]> {
  const moments = new Map(tensors.map(({ name }) => [name, numbers[name]!.map(() => 0)]));
  const squares = new Map(tensors.map(({ name }) => [name, numbers[name]!.map(() => 0)]));
  const losses: number[] = [];
  for (let step = 1; step <= steps; step++) {
    const results = await session.run({ ...feeds, ...feedsOf(tensors, numbers) });
    losses.push(results.loss!.data[0] as number);
    for (const { name } of tensors) {
      const [x, m, v] = [numbers[name]!, moments.get(name)!, squares.get(name)!];
      const g = results[`grad.${name}`]!.data as Float32Array;
      for (let i = 0; i < x.length; i++) {
        m[i] = 0.9 * m[i]! + 0.1 * g[i]!;
        v[i] = 0.999 * v[i]! + 0.001 * g[i]! ** 2;
        x[i] = x[i]! - (rate * m[i]!) / (1 - 0.9 ** step) / (Math.sqrt(v[i]! / (1 - 0.999 ** step)) + 1e-8);
      }
    }
  }
  return losses;
}

/**
 * For each name: the gradient along a random direction, and what the loss itself says of it. In float64, so the two may
 * differ by the curve alone.
 */
export async function slopes(
  graph: Graph,
  feeds: Feeds,
  names: readonly string[],
): Promise<[name: string, gradient: number, difference: number][]> {
  const session = openReferenceSession(graph, { results: "float64" });
  const results = await session.run(feeds);
  const random = noise(99);
  const found: [string, number, number][] = [];
  for (const name of names) {
    const at = feeds[name]!;
    const direction = Float32Array.from(at.data as Float32Array, () => random.normal() / 500);
    const moved = async (way: number) => {
      const data = Float32Array.from(at.data as Float32Array, (x, i) => x + way * direction[i]!);
      // As float32 holds it, which is not quite the direction.
      const step = data.map((x, i) => x - (at.data[i] as number));
      return {
        loss: (await session.run({ ...feeds, [name]: float32(data, at.dims) })).loss!.data[0] as number,
        step,
      };
    };
    const [up, down] = [await moved(1), await moved(-1)];
    const gradient = results[`grad.${name}`]!.data as Float32Array;
    const along = gradient.reduce((sum, g, i) => sum + g * (up.step[i]! - down.step[i]!), 0);
    found.push([name, along, up.loss - down.loss]);
  }
  await session.release();
  return found;
}
