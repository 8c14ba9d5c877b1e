import { stat } from "node:fs/promises";
import path from "node:path";
import { type Backbone, bundleOf, type Precision } from "@kilotune/backbone";
import { decodePrompt } from "@kilotune/prompt";
import { createPredictor, type Predictor } from "@kilotune/serving";
import { evaluatePrompt, fileSource } from "@kilotune/worker";
import { backboneOptions, openMiniLm } from "./support/backbone.ts";
import { defineBench, say } from "./support/bench.ts";
import { sharedFile } from "./support/places.ts";
import { isolationOf } from "./support/isolation.ts";
import { randomPrompts } from "./support/random-prompts.ts";
import { accuracies, mean, tuneOnce } from "./support/tune-once.ts";

export const bench = defineBench({
  about:
    "minilm-l6 in 8 bits against fp32: banking77 tuned on each, batches of 16 in turns, bytes on disk, rows of mixed batches",
  goal: "accuracy >= fp32's - 0.3 points, >= 1.4 x the throughput, >= 3.5 x smaller, 0 differing rows",
  flags: { shots: 10, seeds: 3, rounds: 100, batches: 1000 },
  async run({ shots, seeds, rounds, batches }) {
    const fp32 = await openMiniLm();
    const int8 = await openMiniLm("int8");
    const throughput = await inTurns(fp32, int8, rounds);
    say(JSON.stringify(throughput));
    const sizes = { fp32Bytes: await weightsBytes("fp32"), int8Bytes: await weightsBytes("int8") };
    const isolation = await isolationOf(int8, { batches, seed: 0 });
    say(JSON.stringify({ ...sizes, isolation }));
    const runs = [];
    for (let seed = 0; seed < seeds; seed++) {
      const run = await tunedOnBoth(fp32, int8, { shots, seed });
      say(JSON.stringify(run));
      runs.push(run);
    }
    const lost = mean(runs.map((run) => run.fp32 - run.int8));
    const smaller = sizes.fp32Bytes / sizes.int8Bytes;
    return {
      figures: {
        shots,
        meanFp32: mean(runs.map((run) => run.fp32)),
        meanInt8: mean(runs.map((run) => run.int8)),
        meanFp32ServedInInt8: mean(runs.map((run) => run.fp32ServedInInt8)),
        lost,
        runs,
        throughput,
        ...sizes,
        smaller,
        isolation,
      },
      reached:
        lost <= 0.3 &&
        Object.values(throughput).every(({ ratio }) => ratio >= 1.4) &&
        smaller >= 3.5 &&
        isolation.differing === 0,
    };
  },
});

/** Test accuracies in percent: tuned and served in one precision, and the prompt of fp32 as it is on int8. */
async function tunedOnBoth(fp32: Backbone, int8: Backbone, options: { shots: number; seed: number }) {
  const data = sharedFile("data/banking77");
  const [plain, quantized] = [await tuneOnce(fp32, data, options), await tuneOnce(int8, data, options)];
  const moved = await evaluatePrompt({
    backbone: int8,
    stored: await decodePrompt(plain.bytes),
    test: fileSource(path.join(data, "test.jsonl")),
  });
  const [a, b] = [accuracies(plain.report), accuracies(quantized.report)];
  return {
    seed: options.seed,
    fp32: a.accuracy,
    int8: b.accuracy,
    fp32ServedInInt8: 100 * moved.evaluation.accuracy,
    fp32Probe: a.linearProbe,
    int8Probe: b.linearProbe,
    published: [a.published, b.published],
    seconds: [plain.seconds, quantized.seconds],
  };
}

/** Milliseconds of a batch of 16 rows with 16 prompts, short and long; alternating, so that a busy moment hits both. */
async function inTurns(fp32: Backbone, int8: Backbone, rounds: number) {
  const predictors = [await predictorOf(fp32), await predictorOf(int8)] as const;
  const result: Record<string, { fp32Ms: number; int8Ms: number; ratio: number }> = {};
  for (const [name, repeats] of Object.entries({ tokens16: 1, tokens64: 6 })) {
    const batch = Array.from({ length: 16 }, (_, at) => ({
      text: `where is my parcel number ${at % 10} please `.repeat(repeats),
      prompt: String(at),
    }));
    const times: [number[], number[]] = [[], []];
    for (let round = 0; round < rounds + 5; round++) {
      for (const which of [0, 1] as const) {
        const start = performance.now();
        await predictors[which].classify(batch);
        if (round >= 5) times[which].push(performance.now() - start);
      }
    }
    const [fp32Ms, int8Ms] = [median(times[0]), median(times[1])];
    result[name] = { fp32Ms, int8Ms, ratio: fp32Ms / int8Ms };
  }
  for (const predictor of predictors) await predictor.close();
  return result;
}

async function predictorOf(backbone: Backbone): Promise<Predictor> {
  // Of one length, so that the 16 rows are one pass.
  const prompts = await randomPrompts(backbone, 16, { tokens: 8 });
  return createPredictor({ backbone, loadPrompt: async (ref) => prompts[Number(ref)]! });
}

async function weightsBytes(precision: Precision): Promise<number> {
  const bundle = await bundleOf("minilm-l6", { ...backboneOptions(), precision });
  return (await stat(path.join(bundle, "weights.safetensors"))).size;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}
