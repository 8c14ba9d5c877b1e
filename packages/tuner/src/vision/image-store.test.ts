import type { VisionBackbone } from "@kilotune/backbone";
import { tinyVisionBackbone } from "@kilotune/backbone/testing";
import { type Feeds, float32, type Session } from "@kilotune/engine";
import { AUGMENTATIONS, augmentPixels, decodeImage, prepareImage, preparePixels } from "@kilotune/image";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ImageSource, ImageStore } from "./image-store.ts";
import { toyImages } from "./testing.ts";

let tiny: Awaited<ReturnType<typeof tinyVisionBackbone>>;
let backbone: VisionBackbone;
let lower: Session;
let source: ImageSource;

beforeAll(async () => {
  tiny = await tinyVisionBackbone();
  backbone = tiny.backbone;
  lower = await backbone.open({ kind: "lower", site: { kind: "deep", firstLayer: 2 }, taps: [1] });
  ({ source } = await toyImages(8));
});
afterAll(async () => {
  await lower.release();
  await tiny[Symbol.asyncDispose]();
});

/** Images are of 12 x 12 in patches of 4: 9 patches and the class token. */
const TOKENS = 10;
const AUGMENTED = { range: AUGMENTATIONS.segment, copies: 2, seed: 7 };

describe("hidden states of images", () => {
  it("are the lower graph's, taps and all", async () => {
    const store = ImageStore.open(backbone, lower, source);
    const feeds = await store.batch([3, 0, 20]);
    expect(store.lengths).toEqual(new Int32Array(24).fill(TOKENS));
    expect(feeds.hidden?.dims).toEqual([3, TOKENS, 3 * 16 + 2]);
    expect(feeds["tap-1"]?.dims).toEqual([3, 9, 16]);
    expectSame(feeds, await byHand([3, 0, 20]));
  });

  it.each([0, 9000])(
    "beyond a budget of %i bytes are computed again, to the same feeds",
    async (budgetBytes) => {
      const whole = ImageStore.open(backbone, lower, source);
      const partly = ImageStore.open(backbone, lower, source, { budgetBytes });
      const done: number[] = [];
      await partly.fill((images) => done.push(images));
      expect(done).toEqual([...whole.lengths.keys()].map((row) => row + 1));
      for (const rows of [[0], [3, 1, 2, 1], [...whole.lengths.keys()]])
        expect(await partly.batch(rows)).toEqual(await whole.batch(rows));
    },
  );

  it("are computed once where there is room, whichever view asks", async () => {
    let runs = 0;
    const counted: Session = { ...lower, run: (feeds) => lower.run(feeds).finally(() => runs++) };
    const store = ImageStore.open(backbone, counted, source);
    await store.fill();
    const part = store.subset([7, 2]);
    expect(await part.batch([1, 0])).toEqual(await store.batch([2, 7]));
    expect(runs).toBe(24);
  });

  it("cuts a batch into passes of bounded size, in order", () => {
    const store = ImageStore.open(backbone, lower, source).subset(Array(1000).fill(0));
    const passes = store.passes([...store.lengths.keys()]);
    expect(passes.flat()).toEqual([...store.lengths.keys()]);
    expect(passes.map(({ length }) => length)).toEqual([420, 420, 160]);
  });
});

describe("augmented copies", () => {
  it("take turns with the image itself, a whole turn apart the same", async () => {
    const store = ImageStore.open(backbone, lower, source, { augmentation: AUGMENTED });
    const plain = await store.batch([4]);
    const epochs = await Promise.all([0, 1, 2, 3].map((epoch) => store.batch([4], epoch)));
    const isPlain = epochs.map((feeds) => same(feeds, plain));
    expect(isPlain.filter(Boolean)).toHaveLength(1);
    expectSame(epochs[3]!, epochs[0]!);
    const again = ImageStore.open(backbone, lower, source, { augmentation: AUGMENTED, budgetBytes: 0 });
    for (const epoch of [0, 1, 2]) expectSame(await again.batch([4], epoch), epochs[epoch]!);
    const other = ImageStore.open(backbone, lower, source, { augmentation: { ...AUGMENTED, seed: 8 } });
    const differ = [0, 1, 2].map(async (epoch) => same(await other.batch([4], epoch), epochs[epoch]!));
    expect((await Promise.all(differ)).filter(Boolean)).toHaveLength(1);
  });

  it("are what their view says", async () => {
    const store = ImageStore.open(backbone, lower, source, { augmentation: AUGMENTED });
    const { preprocessing } = backbone.manifest;
    for (const epoch of [0, 1, 2]) {
      const feeds = await store.batch([5], epoch);
      const { augmentation, placement } = store.view(5, epoch);
      const bytes = await source.file(5);
      const prepared = augmentation
        ? await preparePixels(
            source.codec,
            augmentPixels(await decodeImage(source.codec, bytes), augmentation),
            preprocessing,
          )
        : await prepareImage(source.codec, bytes, preprocessing);
      expect(placement).toEqual(prepared.placement);
      const results = await lower.run({ pixels: float32(prepared.tensor, [1, 3, 12, 12]) });
      expectSame(feeds, results);
    }
    expect(() => store.view(6, 0)).toThrow("once `batch` has given it");
  });
});

it("feeds that are made of the tensor are kept along", async () => {
  const also = (tensor: Float32Array) => ({ corner: float32(tensor.slice(0, 2), [2]) });
  const store = ImageStore.open(backbone, lower, source, { also });
  const { corner, hidden } = await store.batch([1, 2]);
  expect(hidden?.dims[0]).toBe(2);
  expect(corner?.dims).toEqual([2, 2]);
  const { tensor } = await prepareImage(source.codec, await source.file(2), backbone.manifest.preprocessing);
  expect(corner?.data.slice(2)).toEqual(tensor.slice(0, 2));
});

async function byHand(rows: readonly number[]): Promise<Feeds> {
  const pixels = new Float32Array(rows.length * 3 * 12 * 12);
  for (const [at, row] of rows.entries()) {
    const spec = backbone.manifest.preprocessing;
    await prepareImage(source.codec, await source.file(row), spec, { out: pixels, at: at * 3 * 12 * 12 });
  }
  return lower.run({ pixels: float32(pixels, [rows.length, 3, 12, 12]) });
}

function largestDifference(ours: Feeds, theirs: Feeds): number {
  return Math.max(
    ...Object.entries(theirs).map(([name, { data }]) =>
      Math.max(...(ours[name]!.data as Float32Array).map((x, at) => Math.abs(x - (data[at] as number)))),
    ),
  );
}

function same(ours: Feeds, theirs: Feeds): boolean {
  return largestDifference(ours, theirs) < 1e-5;
}

/** Images computed beside other neighbours may differ by rounding, and by nothing else. */
function expectSame(ours: Feeds, theirs: Feeds): void {
  expect(Object.keys(ours).sort()).toEqual(Object.keys(theirs).sort());
  expect(largestDifference(ours, theirs)).toBeLessThan(1e-5);
}
