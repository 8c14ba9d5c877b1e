import { defineBench } from "./support/bench.ts";
import { boxesOf, type DenseRun, learnBoxes } from "./support/dense.ts";
import { CELLS, newDevice } from "./support/device.ts";
import { imageSet } from "./support/image-sets.ts";
import { openSaliency } from "./support/vision-backbone.ts";

export const bench = defineBench({
  about:
    "bccd seen by a new device (paler, blurred, noisy): mAP@0.5 that a prompt of its own wins back with --images labelled images, vs a head refitted on them",
  goal: ">= 60 % of what was lost, and more than the refitted head",
  flags: {
    seed: 0,
    images: 20,
    rank: 8,
    firstLayer: 0,
    epochs: 0,
    siteEpochs: 25,
    height: 252,
    width: 336,
  },
  async run({ seed, images, rank, firstLayer, epochs, siteEpochs, height, width }) {
    const backbone = await openSaliency([height, width]);
    const set = await imageSet("bccd");
    const run: DenseRun = {
      method: "lora",
      seed,
      tokens: rank,
      firstLayer,
      range: { transpose: height === width },
      ...(epochs > 0 && { epochs }),
    };
    const [train, test] = [boxesOf(set.train, CELLS, set.file), boxesOf(set.test, CELLS, set.file)];
    const learn = (given: DenseRun) => learnBoxes(backbone, CELLS.length, train, test, given);
    // As in cells, so that `cells --device` measures the same.
    const head = await learn({ ...run, method: "head" });
    const old = await learn({ ...run, from: head.learnt, headStands: true });
    const figures = await newDevice(backbone, set, old, run, { images, epochs: siteEpochs });
    const { prompt, refittedHead } = figures.wonBack;
    return { figures, reached: prompt >= 0.6 && prompt > refittedHead };
  },
});
