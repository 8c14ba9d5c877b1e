import type { Backbone } from "@kilotune/backbone";
import { prng } from "@kilotune/dataset";
import { createPredictor, verifyIsolation } from "@kilotune/serving";
import { exampleFile } from "./places.ts";
import { randomPrompts } from "./random-prompts.ts";
import { readRows } from "./texts.ts";

const METHODS = ["soft", "kv", "lora", "bias", "kv"] as const;

/** Random mixed batches of 16 prompts against each row's solo run, bit by bit. */
export async function isolationOf(backbone: Backbone, { batches, seed }: { batches: number; seed: number }) {
  const prompts = await randomPrompts(backbone, 16, { seed, methods: METHODS });
  const predictor = await createPredictor({ backbone, loadPrompt: async (ref) => prompts[Number(ref)]! });
  const random = prng(seed, "isolation");
  const texts = (await readRows(exampleFile("test.jsonl"))).map(({ text }) => text);
  // Few texts to many prompts, so that rows of one length and different prompts meet in a pass.
  const requests = Array.from({ length: 400 }, () => ({
    text: texts[random.integer(40)]!,
    prompt: String(random.integer(prompts.length)),
  }));
  const report = await verifyIsolation(predictor, requests, { batches, uniform: () => random.uniform() });
  const { batches: passes } = predictor.stats();
  await predictor.close();
  return { ...report, passes };
}
