import type { DetectionScore } from "@kilotune/tuner";
import { defineBench, say } from "./support/bench.ts";
import { boxesOf, heldOut, learnBoxes, type Trained } from "./support/dense.ts";
import { CELLS, newDevice } from "./support/device.ts";
import { imageSet } from "./support/image-sets.ts";
import { openSaliency } from "./support/vision-backbone.ts";

export const bench = defineBench({
  about:
    "bccd (120 train, 60 test): mAP@0.5 of a head and then LoRA + head on vit-s14-saliency vs heads alone of as many epochs, one as large as both",
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
    siteEpochs: 25,
  },
  async run({ seed, rank, firstLayer, epochs, height, width, heldOut: choosing, device, siteEpochs }) {
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
    const lora = { ...given, method: "lora", tokens: rank, firstLayer } as const;
    // Kumar et al., arXiv:2202.10054: a prompt that starts at a random head first learns to please it.
    const first = await runOf({ ...given, method: "head" });
    const prompt = await runOf({ ...lora, from: first.learnt, headStands: true });
    // As many epochs as both together.
    const alone = { ...given, epochs: first.epochs + prompt.epochs, method: "head" } as const;
    const [head, large] = [await runOf(alone), await runOf({ ...alone, innerWidth: 72 })];
    const moved = device ? await newDevice(backbone, set, prompt, lora, { epochs: siteEpochs }) : undefined;
    const best = Math.max(head.score.ap50 ?? 0, large.score.ap50 ?? 0);
    const points = 100 * ((prompt.score.ap50 ?? 0) - best);
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
