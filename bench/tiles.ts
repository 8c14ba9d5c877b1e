import path from "node:path";
import { imageRowsOf, runTuneJob } from "@kilotune/worker";
import { defineBench, say } from "./support/bench.ts";
import { sharedFile } from "./support/places.ts";
import { withFolder } from "./support/temporary.ts";
import { openSaliency } from "./support/vision-backbone.ts";

export const bench = defineBench({
  about:
    "membrane (22 train, 8 test, 512 x 512) on vit-s14-saliency, which looks at 224 x 224: masks of a head alone, whole jobs, in tiles and without",
  goal: "mean IoU in tiles above that of images made smaller",
  flags: { seed: 0 },
  async run({ seed }) {
    const backbone = await openSaliency();
    const data = sharedFile("data/membrane");
    const scoreOf = (tiles: boolean) =>
      withFolder(async (folder) => {
        const { report, seconds } = await runTuneJob({
          input: "image",
          task: "segmentation",
          backbone,
          train: imageRowsOf(path.join(data, "train.jsonl")),
          test: imageRowsOf(path.join(data, "test.jsonl")),
          method: "head",
          epochs: "auto",
          ...(tiles && { tiles }),
          seed,
          out: path.join(folder, "prompt.safetensors"),
          checkpoints: path.join(folder, "checkpoint"),
          resume: false,
        });
        if (report.task !== "segmentation") throw new Error(`masks were asked for, saw ${report.task}`);
        const { meanIou, boundaryF1 } = report.evaluation;
        const found = { meanIou, boundaryF1, seconds };
        say(JSON.stringify({ tiles, ...found }));
        return found;
      });
    const [smaller, tiles] = [await scoreOf(false), await scoreOf(true)];
    const points = 100 * (tiles.meanIou - smaller.meanIou);
    return { figures: { points, tiles, smaller }, reached: points > 0 };
  },
});
