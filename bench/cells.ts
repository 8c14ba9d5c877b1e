import type { DetectionScore } from "@kilotune/tuner";
import { defineBench, say } from "./support/bench.ts";
import { boxesOf, heldOut, learnBoxes, type Trained } from "./support/dense.ts";
import { CELLS, newDevice } from "./support/device.ts";
import { imageSet } from "./support/image-sets.ts";
import { openSaliency } from "./support/vision-backbone.ts";

export const bench = defineBench({
  about:
    "bccd (120 train, 60 test): mAP@0.5 of LoRA + head on vit-s14-saliency vs heads alone of as many epochs, one as large as both",
  goal: ">= 10 points above the better head alone; <= 400 KB",
  // `device`: goes on to what new-device measures, with the prompt that is there.
  // `heldOut`: scored on every fourth training image, which is then not learnt from.
  flags: {
    seed: 0,
    rank: 8,
    firstLayer: 0,
    epochs: 0,
    height: 252,
    width: 336,
    heldOut: false,
    device: false,
  },
  async run({ seed, rank, firstLayer, epochs, height, width, heldOut: choosing, device }) {
    const backbone = await openSaliency([height, width]);
    const set = await imageSet("bccd");
    const { train, test } = choosing ? heldOut(set.train, 4) : set;
    const [learnt, scored] = [boxesOf(train, CELLS, set.file), boxesOf(test, CELLS, set.file)];
    const runOf = async (run: Parameters<typeof learnBoxes>[4]) => {
      const trained = await learnBoxes(backbone, CELLS.length, learnt, scored, run);
      say(JSON.stringify(told(trained)));
      return trained;
    };
    // Rows that become columns would be drawn smaller in a frame that isn't square.
    const range = { transpose: height === width };
    const given = { seed, range, ...(epochs > 0 && { epochs }) };
    const prompt = await runOf({ ...given, method: "lora", tokens: rank, firstLayer });
    const head = await runOf({ ...given, epochs: prompt.epochs, method: "head" });
    const large = await runOf({ ...given, epochs: prompt.epochs, method: "head", innerWidth: 72 });
    const moved = device
      ? await newDevice(backbone, set, prompt, { ...given, method: "lora", tokens: rank, firstLayer }, {})
      : undefined;
    const alone = Math.max(head.score.ap50 ?? 0, large.score.ap50 ?? 0);
    const points = 100 * ((prompt.score.ap50 ?? 0) - alone);
    const bytes = prompt.headBytes + prompt.promptBytes;
    const figures = {
      pointsAboveHeadAlone: points,
      prompt: told(prompt),
      headAlone: told(head),
      largeHeadAlone: told(large),
      bytes,
      ...(moved && { newDevice: moved }),
    };
    return { figures, reached: points >= 10 && bytes <= 400e3 };
  },
});

function told({ score, headBytes, promptBytes, epochs, seconds }: Trained<DetectionScore>) {
  const perClass = Object.fromEntries(CELLS.map((name, at) => [name, score.perClass[at]?.ap50]));
  return { ap50: score.ap50, ap: score.ap, perClass, headBytes, promptBytes, epochs, seconds };
}
