import type { VisionAnswer, VisionBackbone } from "@kilotune/backbone";
import { float32, type Session, type Tensor } from "@kilotune/engine";
import type { HeadNumbers, HeadTensor } from "@kilotune/heads";
import { learntFeeds } from "../batch-gradients.ts";
import type { Learnt } from "../task.ts";
import type { DenseSettings } from "./dense-settings.ts";
import type { ImageStore } from "./image-store.ts";
import { openedSite, visionSite } from "./vision-site.ts";

/** What segmentation and detection share: a head of several tensors on patches, and its numbers of one image after the other. */

export function headTensors(
  tensors: readonly HeadTensor[],
  numbers: HeadNumbers,
): Readonly<Record<string, Tensor>> {
  return Object.fromEntries(
    tensors.map(({ name, dims }) => [name, float32(numbers[name] as Float32Array, dims)]),
  );
}

export interface AnsweringHead {
  readonly tensors: readonly HeadTensor[];
  readonly answer: VisionAnswer;
  /** The name of what it says. */
  readonly output: string;
}

/** The head's numbers of each row as it is, by a graph without gradients. */
export async function answering(
  backbone: VisionBackbone,
  settings: DenseSettings,
  { tensors, answer, output }: AnsweringHead,
): Promise<{
  answers(store: ImageStore, learnt: Learnt): AsyncGenerator<{ row: number; numbers: Float32Array }>;
  release(): Promise<void>;
}> {
  const site = visionSite(settings, backbone.manifest);
  const session = await backbone.openAnswering(openedSite(settings, site), answer);
  return {
    release: () => session.release(),
    async *answers(store, learnt) {
      const given = learntFeeds({ site, head: headTensors(tensors, learnt.head) }, learnt);
      for (const rows of store.passes([...store.lengths.keys()])) {
        const results = await session.run({ ...(await store.batch(rows)), ...given });
        const all = results[output]?.data as Float32Array;
        const size = all.length / rows.length;
        for (const [at, row] of rows.entries())
          yield { row, numbers: all.subarray(at * size, (at + 1) * size) };
      }
    },
  };
}

/** The graph below a run's site, with the taps that lie there: what an `ImageStore` stands on. The caller releases it. */
export function openBelow(
  backbone: VisionBackbone,
  settings: DenseSettings,
  { taps }: { readonly taps: readonly number[] },
): Promise<Session> {
  const site = openedSite(settings, visionSite(settings, backbone.manifest));
  return backbone.open({ kind: "lower", site, taps });
}
