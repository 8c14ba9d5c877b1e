import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { cacheFolder, hubUrl, loadVisionBackbone } from "@kilotune/backbone";
import { createSharpCodec } from "@kilotune/image/node";
import { readPromptFile } from "@kilotune/prompt/node";
import { createVisionPredictor, type ImageAnswer } from "@kilotune/serving";
import { type ImageJob, imageRowsOf, runTuneJob } from "@kilotune/worker";
import { drawDiscs } from "./draw-discs.ts";

/**
 * One process, one session, one image: detect, swap a small file, segment, swap, classify. The images are drawn here; the
 * prompts are tuned on them the first time, and kept in out/swap-task.
 *
 *     node examples/swap-task/swap.ts [BACKBONE] [EPOCHS]
 */
const TASKS = ["detection", "segmentation", "classification"] as const;

const [name = "vit-s14-saliency", epochs = "12"] = process.argv.slice(2);
const out = path.join(import.meta.dirname, "../../out/swap-task", path.basename(name));
await mkdir(out, { recursive: true });
const backbone = await loadVisionBackbone(name, {
  cache: cacheFolder(process.env),
  hub: hubUrl(process.env),
});

const rows = await drawDiscs(out, 24);
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

async function tuneOnce(task: ImageJob["task"]): Promise<void> {
  const file = promptOf(task);
  const stands = await stat(file).catch(() => undefined);
  if (stands !== undefined) return;
  console.log(`tuning for ${task}`);
  const { report } = await runTuneJob({
    input: "image",
    task,
    backbone,
    train: imageRowsOf(rows.files[task]),
    method: "lora",
    epochs: Number(epochs),
    seed: 0,
    out: file,
    checkpoints: `${file}.checkpoint`,
    resume: true,
  });
  console.log(`  ${report.verdict.words}`);
  await writeFile(`${file}.json`, JSON.stringify(report));
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
