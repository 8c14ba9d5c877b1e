import { prng } from "@kilotune/dataset";
import { createSharpCodec } from "@kilotune/image/node";
import { createVisionPredictor, verifyImageIsolation } from "@kilotune/serving";
import {
  type ImagePromptShape,
  randomImagePrompt,
  randomPixels,
} from "../packages/serving/src/vision/testing.ts";
import { defineBench } from "./support/bench.ts";
import { openSaliency } from "./support/vision-backbone.ts";

const SHAPES: readonly ImagePromptShape[] = [
  { task: "classification", method: "kv", tokens: 8, firstLayer: 6 },
  { task: "classification", method: "soft", tokens: 5, feature: "mean" },
  { task: "classification", method: "head" },
  { task: "multi_label", method: "lora", tokens: 4, firstLayer: 6 },
  { task: "segmentation", method: "kv", tokens: 4, taps: [4, 8] },
  { task: "segmentation", method: "head", taps: [8] },
  { task: "detection", method: "kv", tokens: 20, firstLayer: 3, taps: [8] },
  { task: "detection", method: "lora", tokens: 8 },
];

export const bench = defineBench({
  about:
    "random mixed batches of 8 prompts for images (classes, masks, boxes; kv, soft, LoRA, head) on vit-s14-saliency: each row against its solo run, bit by bit",
  goal: "0 differences in 40 batches of 1-16 rows",
  flags: { batches: 40, seed: 0 },
  async run({ batches, seed }) {
    const backbone = await openSaliency();
    const prompts = SHAPES.map((shape, at) => randomImagePrompt(backbone.manifest, 100 * seed + at, shape));
    const loadPrompt = async (ref: string) => prompts[Number(ref)]!;
    const predictor = await createVisionPredictor({ backbone, loadPrompt, codec: createSharpCodec() });
    const images = [0, 1, 2].map((at) => randomPixels(seed + at, 160 + 90 * at, 300 - 70 * at));
    const requests = images.flatMap((image) => prompts.map((_, at) => ({ image, prompt: String(at) })));
    const random = prng(seed, "isolation");
    const report = await verifyImageIsolation(predictor, requests, {
      batches,
      uniform: () => random.uniform(),
      maxRows: 16,
    });
    const { passes, rows } = predictor.stats().batches;
    await predictor.close();
    return {
      figures: { batches, rows: report.rows, differing: report.differing, rowsAPass: rows / passes },
      reached: report.differing === 0,
    };
  },
});
