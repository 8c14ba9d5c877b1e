import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { cacheFolder, hubUrl, loadVisionBackbone, type VisionBackbone } from "@kilotune/backbone";
import type { CountedShare, DetectionEvaluation, ReportFindings } from "@kilotune/contract";
import { prng } from "@kilotune/dataset";
import { decodeImage } from "@kilotune/image";
import { createSharpCodec, encodePng } from "@kilotune/image/node";
import { readPromptFile } from "@kilotune/prompt/node";
import { renderReport } from "@kilotune/report";
import { evaluateImagePrompt, type ImageJob, imageRowsOf, runTuneJob } from "@kilotune/worker";
import { otherDevice, WORSE } from "./other-device.ts";
import { proveDeletion } from "./prove-deletion.ts";

/**
 * Medical images on one machine: blood cells found, membranes drawn, a second site's microscope, and a clinic that leaves a
 * server without leaving a byte. docs/medical.md walks through it.
 *
 *     node examples/cells/cells.ts [--data ../shared/data] [--epochs 24] [--siteEpochs 25] [--only cells,membranes,site,server]
 */
const { values } = parseArgs({
  options: {
    data: { type: "string", default: path.join(import.meta.dirname, "../../../shared/data") },
    epochs: { type: "string", default: "24" },
    siteEpochs: { type: "string", default: "25" },
    only: { type: "string", default: "cells,membranes,site,server" },
  },
});
const { data } = values;
const parts = values.only.split(",");
const out = path.join(import.meta.dirname, "../../out/cells");
await mkdir(out, { recursive: true });

/** Images that the first site has; the twenty others of the training file are the second site's. */
const OWN = 100;

const lines = async (file: string) => (await readFile(path.join(data, file), "utf8")).trim().split("\n");
const train = await lines("bccd/train.jsonl");
const test = await lines("bccd/test.jsonl");
const open = () =>
  loadVisionBackbone("vit-s14-saliency", { cache: cacheFolder(process.env), hub: hubUrl(process.env) });

if (parts.includes("cells")) {
  const first = await site("site-a", train.slice(0, OWN), test);
  const found = await tuned(await open(), "detection", first, "site-a", Number(values.epochs));
  tellBoxes("site A, its own prompt", found);
}
if (parts.includes("membranes")) {
  const folder = path.join(data, "membrane");
  const rows = { train: path.join(folder, "train.jsonl"), test: path.join(folder, "test.jsonl") };
  // The images are larger than what the backbone looks at: seen whole they would lose the membranes' width.
  const findings = await tuned(await open(), "segmentation", rows, "membranes", 10, { tiles: true });
  if (findings.task === "segmentation") {
    const { meanIou, perClass } = findings.evaluation;
    console.log(`membranes: mean IoU ${percent(meanIou)} on ${findings.evaluation.rows} images`);
    for (const { label, sensitivity, specificity } of perClass) {
      const told = [sensitivity, specificity].map(
        (share) => share && `${percent(share.value)} (${share.interval.map(percent).join(" to ")})`,
      );
      console.log(`  class ${label}: sensitivity ${told[0]}, specificity ${told[1]}`);
    }
  }
}
if (parts.includes("site")) {
  const backbone = await open();
  const second = await site("site-b", train.slice(OWN), test, true);
  const first = await readPromptFile(promptOf("site-a"));
  const { findings } = await evaluateImagePrompt({ backbone, stored: first, test: imageRowsOf(second.test) });
  tellBoxes("site B, with site A's prompt", findings);
  const own = await tuned(backbone, "detection", second, "site-b", Number(values.siteEpochs), {
    init: { kind: "prompt", prompt: first },
  });
  tellBoxes(`site B, its own prompt of ${train.length - OWN} images, from site A's on`, own);
}
if (parts.includes("server")) await proveDeletion(path.join(out, "server"), path.join(data, "bccd"), train);

interface Rows {
  readonly train: string;
  readonly test: string;
}

/** Rows of a site in a folder of its own, with the images as its microscope sees them. */
async function site(name: string, own: string[], measured: string[], isOther = false): Promise<Rows> {
  const folder = path.join(out, name);
  await mkdir(path.join(folder, "images"), { recursive: true });
  const codec = createSharpCodec();
  for (const [at, line] of [...own, ...measured].entries()) {
    const { image } = JSON.parse(line) as { image: string };
    const file = path.join(folder, image);
    if (await stat(file).catch(() => undefined)) continue;
    const bytes = await readFile(path.join(data, "bccd", image));
    const seen = async () =>
      encodePng(otherDevice(await decodeImage(codec, bytes), prng(0, `device ${at}`), WORSE));
    await writeFile(file, isOther ? await seen() : bytes);
  }
  const files = { train: path.join(folder, "train.jsonl"), test: path.join(folder, "test.jsonl") };
  await writeFile(files.train, `${own.join("\n")}\n`);
  await writeFile(files.test, `${measured.join("\n")}\n`);
  return files;
}

async function tuned(
  backbone: VisionBackbone,
  task: ImageJob["task"],
  rows: Rows,
  name: string,
  epochs: number,
  more: Pick<ImageJob, "init" | "tiles"> = {},
): Promise<ReportFindings> {
  const { report, seconds, stored } = await runTuneJob({
    input: "image",
    task,
    backbone,
    train: imageRowsOf(rows.train),
    test: imageRowsOf(rows.test),
    method: "lora",
    ...more,
    epochs,
    seed: 0,
    title: name,
    out: promptOf(name),
    checkpoints: `${promptOf(name)}.checkpoint`,
    resume: true,
  });
  await writeFile(path.join(out, `${name}.html`), renderReport(report));
  const all = seconds.prepare + seconds.tune + seconds.evaluate;
  console.log(`${name}: ${all.toFixed(0)} s, ${stored.sizeBytes} bytes, out/cells/${name}.html`);
  console.log(`  ${report.verdict.words}`);
  return report;
}

function promptOf(name: string): string {
  return path.join(out, `${name}.safetensors`);
}

function tellBoxes(what: string, findings: ReportFindings): void {
  const evaluation = findings.evaluation as DetectionEvaluation;
  console.log(`${what}: mAP@0.5 ${percent(evaluation.map50)} on ${evaluation.rows} images`);
  for (const { label, sensitivity, precision } of evaluation.perClass)
    console.log(`  ${label.padEnd(10)} sensitivity ${counted(sensitivity)}, precision ${counted(precision)}`);
  for (const { label, sensitivity, specificity } of evaluation.screening ?? [])
    console.log(`  any ${label}: sensitivity ${counted(sensitivity)}, specificity ${counted(specificity)}`);
}

function counted({ right, of, interval }: CountedShare): string {
  if (of === 0) return "nothing to count";
  return `${percent(right / of)} (${right} of ${of}, ${interval.map(percent).join(" to ")})`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
