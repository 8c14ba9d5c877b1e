import type { Backbone } from "@kilotune/backbone";
import { readPromptFile } from "@kilotune/prompt/node";
import { createPredictor } from "@kilotune/serving";

/**
 * Seconds until a running predictor answers by a prompt that it hasn't yet, less an answer by one that it has: the file is
 * read from the disk, checked and taken in. Of some rounds the least counts: what else the machine does only ever adds.
 */
export async function promptSwitchSeconds(backbone: Backbone, file: string): Promise<number> {
  const predictor = await createPredictor({ backbone, loadPrompt: () => readPromptFile(file) });
  try {
    const answer = (prompt: string) => secondsOf(() => predictor.classify([{ text: TEXT, prompt }]));
    // The first one opens sessions.
    await answer("first");
    const [cold, warm]: [number[], number[]] = [[], []];
    for (let round = 0; round < ROUNDS; round++) {
      // Each name is a prompt of its own to the predictor.
      cold.push(await answer(`${round}`));
      warm.push(await answer(`${round}`));
    }
    return Math.max(0, Math.min(...cold) - Math.min(...warm));
  } finally {
    await predictor.close();
  }
}

/** The same of a tenant with weights of its own: a model is opened, in place of a prompt. */
export async function modelSwitchSeconds(backbone: Backbone): Promise<number> {
  const [cold, warm]: [number[], number[]] = [[], []];
  for (let round = 0; round < MODEL_ROUNDS; round++) {
    const began = performance.now();
    const predictor = await createPredictor({
      backbone,
      loadPrompt: () => Promise.reject(new Error("none")),
    });
    try {
      const answer = () => predictor.embed([TEXT]);
      await answer();
      cold.push((performance.now() - began) / 1000);
      warm.push(await secondsOf(answer));
    } finally {
      await predictor.close();
    }
  }
  return Math.max(0, Math.min(...cold) - Math.min(...warm));
}

const TEXT = "where is my parcel";
const ROUNDS = 15;
const MODEL_ROUNDS = 3;

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}
