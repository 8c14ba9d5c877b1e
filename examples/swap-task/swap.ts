import { mkdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { cacheFolder, hubUrl, loadVisionBackbone } from "@kilotune/backbone";
import { createSharpCodec } from "@kilotune/image/node";
import { readPromptFile } from "@kilotune/prompt/node";
import { createVisionPredictor, type ImageAnswer } from "@kilotune/serving";
import { imageRowsOf, runTuneJob } from "@kilotune/worker";
import { bloodCells } from "./blood-cells.ts";
import { drawDiscs } from "./draw-discs.ts";

/**
 * One process, one session, one image: detect, swap a small file, segment, swap, classify. The prompts are tuned the first
 * time, and kept in out/swap-task. Images are drawn here, or are a folder's photographs of blood smears.
 *
 *     node examples/swap-task/swap.ts [--cells FOLDER] [--backbone ID] [--images 32] [--epochs 16]
 */
const TASKS = ["detection", "segmentation", "classification"] as const;

const { values } = parseArgs({
  options: {
    cells: { type: "string" },
    backbone: { type: "string", default: "vit-s14-saliency" },
    images: { type: "string", default: "32" },
    epochs: { type: "string", default: "16" },
  },
});
const { cells, images, epochs } = values;
const kept = [path.basename(values.backbone), cells ? "cells" : "discs", images, epochs].join("-");
const out = path.join(import.meta.dirname, "../../out/swap-task", kept);
await mkdir(out, { recursive: true });
const backbone = await loadVisionBackbone(values.backbone, {
  cache: cacheFolder(process.env),
  hub: hubUrl(process.env),
});

const rows = cells ? await bloodCells(cells, out, Number(images)) : await drawDiscs(out, Number(images));
for (const task of TASKS) await tuneOnce(task);

const image = await readFile(rows.image);
const predictor = await createVisionPredictor({
  backbone,
  codec: createSharpCodec(),
  loadPrompt: (file) => readPromptFile(file),
});
for (const round of ["first time: each prompt's file is read", "again: they are in memory"]) {
  console.log(round);
  for (const task of TASKS) {
    const file = promptOf(task);
    const [swapMs, answerMs, answer] = await asked(file);
    const { size } = await stat(file);
    console.log(
      `  ${task.padEnd(15)} ${String(size).padStart(7)} bytes, swap ${swapMs.toFixed(1)} ms, answer ${answerMs.toFixed(1)} ms: ${told(answer)}`,
    );
  }
}
await predictor.close();

function promptOf(task: string): string {
  return path.join(out, `${task}.safetensors`);
}

async function tuneOnce(task: (typeof TASKS)[number]): Promise<void> {
  const file = promptOf(task);
  const stands = await stat(file).catch(() => undefined);
  if (stands !== undefined) return;
  console.log(`tuning for ${task}`);
  const { report, seconds } = await runTuneJob({
    input: "image",
    task,
    backbone,
    train: imageRowsOf(rows.files[task]),
    method: "lora",
    // The upper third: what lies below is computed once an image, so that all of it takes minutes on two cores.
    firstLayer: Math.floor((2 * backbone.manifest.config.layers) / 3),
    epochs: Number(epochs),
    seed: 0,
    out: file,
    checkpoints: `${file}.checkpoint`,
    resume: true,
  });
  console.log(
    `  ${(seconds.prepare + seconds.tune + seconds.evaluate).toFixed(0)} s; ${report.verdict.words}`,
  );
}

/** `prepare` is the swap: the file is read, checked and its head opened; the backbone stays as it is. */
async function asked(prompt: string): Promise<[swapMs: number, answerMs: number, ImageAnswer]> {
  const start = performance.now();
  await predictor.prepare([prompt]);
  const swapped = performance.now();
  const [answer] = await predictor.answer([{ image, prompt }]);
  return [swapped - start, performance.now() - swapped, answer as ImageAnswer];
}

function told(answer: ImageAnswer): string {
  switch (answer.task) {
    case "detection":
      return `${answer.objects.length} objects, the surest ${answer.objects[0]?.label ?? "none"}`;
    case "segmentation":
      return answer.classes.map(({ label, share }) => `${label} ${(100 * share).toFixed(0)} %`).join(", ");
    default:
      return `${answer.label} (${(100 * answer.score).toFixed(0)} %)`;
  }
}
