import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { cutOf } from "@kilotune/backbone";
import type { TinyBackbone } from "@kilotune/backbone/testing";
import { readPromptFile } from "@kilotune/prompt/node";
import {
  chooseSettings,
  classMeans,
  embed,
  promptFeed,
  promptSite,
  type RunResult,
  runTuning,
  type TunedMethod,
  type TuneSettings,
  textClassification,
} from "@kilotune/tuner";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writePrompt } from "../write-prompt.ts";
import { answer } from "./answer.ts";
import { headLogits } from "./class-heads.ts";
import { openFrozenSessions, type PreparedRows, prepareRows } from "./prepare.ts";
import { type PublishedTexts, roundedPrompt } from "./publish.ts";
import { openTiny, toyRows } from "../testing.ts";

let tiny: TinyBackbone;
let folder: string;
beforeAll(async () => {
  tiny = await openTiny();
  folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-reload-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await tiny[Symbol.asyncDispose]();
});

const LABELS = ["card", "parcel", "refund"];
const STORAGES = [
  { storage: "float32", tolerance: 1e-6 },
  { storage: "float16", tolerance: 0.05 },
] as const;

describe.each<TunedMethod>(["kv", "soft", "deep", "lora", "bias"])("a reloaded %s prompt", (method) => {
  it.each(STORAGES)(
    "in $storage answers as it did when tuned, with the loss it had (known faults 1 and 2)",
    async ({ storage, tolerance }) => {
      await using tuned = await tuneFiveSteps(method);
      const { settings, run, rows, sessions } = tuned;
      const before = await logitsOf(tuned);
      const file = path.join(folder, `${method}-${storage}.safetensors`);
      const { id, prompt } = await writePrompt(
        await roundedPrompt(publishedOf(settings, run, storage)),
        {},
        file,
      );
      expect((await readPromptFile(file)).id).toBe(id);
      const after = await answer(tiny.backbone, sessions.linear, prompt, rows);
      expect(Math.max(...before.map((logit, at) => Math.abs(logit - after[at]!)))).toBeLessThanOrEqual(
        tolerance,
      );
      expect(Math.abs(lossOf(after, rows) - lossOf(before, rows))).toBeLessThanOrEqual(tolerance);
      // The prompt did learn something: a fresh one would be told apart from it.
      expect(lossOf(before, rows)).toBeLessThan(run.curve[0]!.loss);
    },
  );
});

/** Tuned on 30 rows, 5 epochs of one step, dropout and all. */
async function tuneFiveSteps(method: TunedMethod) {
  const { backbone } = tiny;
  const about = { method, trainRows: 30, seed: 1, tokens: 4, epochs: 5 };
  const settings = chooseSettings(backbone.manifest, about);
  const { site } = promptSite(settings, backbone.manifest);
  const sessions = await openFrozenSessions(backbone, settings.firstLayer, cutOf(site));
  const toys = toyRows(10, 1);
  const rows = await prepareRows(backbone, sessions, {
    name: "train",
    texts: toys.map((row) => row.text),
    labels: Int32Array.from(toys, (row) => LABELS.indexOf(row.label)),
  });
  const data = { store: rows.store, labels: rows.labels, classes: 3 };
  const prototypes = classMeans(rows.vectors, rows.labels, 3, 32);
  const run = await runTuning({ settings, task: textClassification(backbone, settings, data, prototypes) });
  return { settings, run, rows, sessions, [Symbol.asyncDispose]: () => sessions.release() };
}

/** As the tuner has the numbers, never written anywhere. */
async function logitsOf({ settings, run, rows, sessions }: Awaited<ReturnType<typeof tuneFiveSteps>>) {
  const site = promptSite(settings, tiny.backbone.manifest);
  const upper = await tiny.backbone.open({ kind: "upper", site: site.site });
  const vectors = await embed(upper, rows.store, 32, promptFeed(site, run.prompt));
  await upper.release();
  const head = { kind: "cosine", weight: run.head.prototypes, scale: 1 / settings.temperature } as const;
  return headLogits(sessions.linear, head, vectors);
}

function publishedOf(
  settings: TuneSettings,
  run: RunResult<"prototypes">,
  storage: PublishedTexts["storage"],
): PublishedTexts {
  return {
    backbone: tiny.backbone,
    use: { task: "classification", labels: LABELS, calibration: { temperature: 1 } },
    head: { kind: "cosine", weight: run.head.prototypes, scale: 1 / settings.temperature },
    tuned: { settings, data: run.prompt },
    storage,
    receipt: { dataSha256: "0".repeat(64), seed: 1, epochs: 5, trainRows: 30, codeVersion: "0" },
  };
}

function lossOf(logits: Float32Array, { labels }: PreparedRows): number {
  const losses = [...labels].map((label, row) => {
    const part = [...logits.subarray(row * 3, row * 3 + 3)];
    return Math.log(part.reduce((sum, logit) => sum + Math.exp(logit), 0)) - part[label]!;
  });
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}
