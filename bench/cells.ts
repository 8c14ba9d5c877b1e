import type { DetectionScore } from "@kilotune/tuner";
import { defineBench, say } from "./support/bench.ts";
import { boxesOf, heldOut, learnBoxes, type Trained } from "./support/dense.ts";
import { imageSet } from "./support/image-sets.ts";
import { openSaliency } from "./support/vision-backbone.ts";

export const CELLS: readonly string[] = ["RBC", "WBC", "Platelets"];

export const bench = defineBench({
  about:
    "bccd (120 train, 60 test): mAP@0.5 of LoRA + head on vit-s14-saliency vs heads alone of as many epochs, one as large as both",
  goal: ">= 10 points above the better head alone; <= 400 KB",
  // `heldOut`: scored on every fourth training image, which is then not learnt from.
  flags: { seed: 0, rank: 8, firstLayer: 0, epochs: 0, side: 224, heldOut: false },
  async run({ seed, rank, firstLayer, epochs, side, heldOut: choosing }) {
    const backbone = await openSaliency([side, side]);
    const set = await imageSet("bccd");
    const { train, test } = choosing ? heldOut(set.train, 4) : set;
    const [learnt, scored] = [boxesOf(train, CELLS, set.file), boxesOf(test, CELLS, set.file)];
    const runOf = async (run: Parameters<typeof learnBoxes>[4]) => {
      const trained = await learnBoxes(backbone, CELLS.length, learnt, scored, run);
      say(JSON.stringify(told(trained)));
      return trained;
    };
    const given = { seed, ...(epochs > 0 && { epochs }) };
    const prompt = await runOf({ ...given, method: "lora", tokens: rank, firstLayer });
    const head = await runOf({ ...given, epochs: prompt.epochs, method: "head" });
    const large = await runOf({ ...given, epochs: prompt.epochs, method: "head", innerWidth: 72 });
    const alone = Math.max(head.score.ap50 ?? 0, large.score.ap50 ?? 0);
    const points = 100 * ((prompt.score.ap50 ?? 0) - alone);
    const bytes = prompt.headBytes + prompt.promptBytes;
    const figures = {
      pointsAboveHeadAlone: points,
      prompt: told(prompt),
      headAlone: told(head),
      largeHeadAlone: told(large),
      bytes,
    };
    return { figures, reached: points >= 10 && bytes <= 400e3 };
  },
});

function told({ score, headBytes, promptBytes, epochs, seconds }: Trained<DetectionScore>) {
  const perClass = Object.fromEntries(CELLS.map((name, at) => [name, score.perClass[at]?.ap50]));
  return { ap50: score.ap50, ap: score.ap, perClass, headBytes, promptBytes, epochs, seconds };
}
