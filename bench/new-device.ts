import { type Prng, prng } from "@kilotune/dataset";
import { decodeImage, type Pixels } from "@kilotune/image";
import { createSharpCodec, encodePng } from "@kilotune/image/node";
import { CELLS } from "./cells.ts";
import { defineBench, say } from "./support/bench.ts";
import { boxesOf, learnBoxes, type Pictures } from "./support/dense.ts";
import { imageSet } from "./support/image-sets.ts";
import { openSaliency } from "./support/vision-backbone.ts";

export const bench = defineBench({
  about:
    "bccd seen by a new device (paler, blurred, noisy): mAP@0.5 that a prompt of its own wins back with --images labelled images, vs a head refitted on them",
  goal: ">= 60 % of what was lost, and more than the refitted head",
  flags: { seed: 0, images: 20, rank: 8, firstLayer: 0, epochs: 0, siteEpochs: 60 },
  async run({ seed, images, rank, firstLayer, epochs, siteEpochs }) {
    const backbone = await openSaliency();
    const set = await imageSet("bccd");
    const train = boxesOf(set.train, CELLS, set.file);
    const test = boxesOf(set.test, CELLS, set.file);
    const far = seenBy(test, seed);
    // Others than the old device's would be: the same images, so that what is missing is the device alone.
    const few = prng(seed, "new-device")
      .shuffle([...set.train])
      .slice(0, images);
    const near = seenBy(boxesOf(few, CELLS, set.file), seed);
    const learn = async (what: string, ...given: Given) => {
      const trained = await learnBoxes(backbone, CELLS.length, ...given);
      const { score, seconds, headBytes, promptBytes } = trained;
      say(`${what}: ap50 ${score.ap50?.toFixed(4)} in ${seconds.toFixed(0)} s`);
      return { trained, told: { ap50: score.ap50 ?? 0, ap: score.ap, seconds, headBytes, promptBytes } };
    };
    const lora = { method: "lora", seed, tokens: rank, firstLayer } as const;
    const old = await learn("old device", train, test, { ...lora, ...(epochs > 0 && { epochs }) });
    const from = old.trained.learnt;
    const again = { epochs: siteEpochs, from };
    const nothing = { ...again, epochs: 1, settings: STILL };
    const lost = await learn("on the new device", near, far, { ...lora, ...nothing });
    const site = await learn("its own prompt", near, far, { ...lora, ...again, settings: PROMPT_ALONE });
    const refitted = await learn("head refitted", near, far, { ...lora, ...again, settings: HEAD_ALONE });
    const missing = old.told.ap50 - lost.told.ap50;
    const won = (ap50: number) => (ap50 - lost.told.ap50) / missing;
    const shares = { prompt: won(site.told.ap50), refittedHead: won(refitted.told.ap50) };
    const figures = {
      wonBack: shares,
      oldDevice: old.told,
      newDevice: lost.told,
      prompt: site.told,
      refittedHead: refitted.told,
    };
    return { figures, reached: shares.prompt >= 0.6 && shares.prompt > shares.refittedHead };
  },
});

type Given = [
  Parameters<typeof learnBoxes>[2],
  Parameters<typeof learnBoxes>[3],
  Parameters<typeof learnBoxes>[4],
];

const STILL = { promptLearningRate: 0, headLearningRate: 0 };
/** A site's file differs from the old device's in its prompt alone. */
const PROMPT_ALONE = { headLearningRate: 0 };
const HEAD_ALONE = { promptLearningRate: 0 };

function seenBy<T>({ files, truths }: Pictures<T>, seed: number): Pictures<T> {
  const codec = createSharpCodec();
  return {
    truths,
    files: files.map((file, at) => async () => {
      const pixels = await decodeImage(codec, await file());
      return encodePng(otherDevice(pixels, prng(seed, `device ${at}`)));
    }),
  };
}

/** Half the contrast about a darker grey, a blur of 5 x 5 pixels, noise with a deviation of 12 of 255. */
function otherDevice(pixels: Pixels, random: Prng): Pixels {
  const { width, height, channels, data } = pixels;
  const line = (from: ArrayLike<number>, step: number, length: number) =>
    Float32Array.from({ length: from.length }, (_, i) => {
      const at = Math.floor(i / step) % length;
      let [sum, count] = [0, 0];
      for (let d = -2; d <= 2; d++)
        if (at + d >= 0 && at + d < length) {
          sum += from[i + d * step] as number;
          count++;
        }
      return sum / count;
    });
  const blurred = line(line(data, channels, width), channels * width, height);
  const seen = Uint8ClampedArray.from(blurred, (value) => 0.5 * (value - 128) + 100 + 12 * random.normal());
  return { ...pixels, data: seen };
}
