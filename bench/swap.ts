import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { createSharpCodec } from "@kilotune/image/node";
import { readPromptFile } from "@kilotune/prompt/node";
import { createVisionPredictor } from "@kilotune/serving";
import { imageRowsOf, runTuneJob } from "@kilotune/worker";
import { drawDiscs } from "../examples/swap-task/draw-discs.ts";
import { defineBench, say } from "./support/bench.ts";
import { withFolder } from "./support/temporary.ts";
import { openSaliency } from "./support/vision-backbone.ts";

export const bench = defineBench({
  about: "one image on vit-s14-saliency: detection and segmentation in turns against each alone",
  goal: "<= 1 ms more a switch; <= 400 KB to load",
  flags: { rounds: 40 },
  run: ({ rounds }) => withFolder((folder) => measure(folder, rounds)),
});

async function measure(folder: string, rounds: number) {
  const backbone = await openSaliency();
  const drawn = await drawDiscs(folder, 8);
  const files = [];
  for (const task of ["detection", "segmentation"] as const) {
    say(`a prompt for ${task}`);
    const out = path.join(folder, `${task}.safetensors`);
    const train = imageRowsOf(drawn.files[task]);
    const checkpoints = `${out}.checkpoint`;
    const shared = { train, validation: train, seed: 0, out, checkpoints, resume: false };
    await runTuneJob({ input: "image", task, backbone, method: "kv", epochs: 1, ...shared });
    files.push(out);
  }
  const [detection, segmentation] = files as [string, string];
  const loadPrompt = readPromptFile;
  const predictor = await createVisionPredictor({ backbone, codec: createSharpCodec(), loadPrompt });
  const image = await readFile(drawn.image);
  const time = async (prompt: string) => {
    const start = performance.now();
    await predictor.answer([{ image, prompt }]);
    return performance.now() - start;
  };
  const [alone, switched]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds + 4; round++) {
    // The second of a pair is asked what the first one was; in turns each is asked what the one before wasn't.
    await time(detection);
    const detected = await time(detection);
    await time(segmentation);
    const segmented = await time(segmentation);
    const afterMasks = await time(detection);
    const afterBoxes = await time(segmentation);
    if (round < 4) continue;
    alone.push(detected + segmented);
    switched.push(afterMasks + afterBoxes);
  }
  await predictor.close();
  const sizes = await Promise.all(files.map((file) => stat(file)));
  const bytes = Math.max(...sizes.map(({ size }) => size));
  const switchMs = (median(switched) - median(alone)) / 2;
  const figures = { switchMs, aloneMs: median(alone) / 2, switchedMs: median(switched) / 2, bytes };
  return { figures, reached: switchMs <= 1 && bytes <= 400e3 };
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}
