import type { Backbone } from "@kilotune/backbone";
import { readPromptFile } from "@kilotune/prompt/node";
import { createPredictor } from "@kilotune/serving";

/**
 * Seconds until a running predictor answers by a prompt that it hasn't yet, less an answer by one that it has: the file is
 * read from the disk, checked and taken in. Median of some.
 */
export async function promptSwitchSeconds(backbone: Backbone, file: string): Promise<number> {
  const predictor = await createPredictor({ backbone, loadPrompt: () => readPromptFile(file) });
  try {
    const answer = (prompt: string) => secondsOf(() => predictor.classify([{ text: TEXT, prompt }]));
    // The first one opens sessions.
    await answer("first");
    const extra: number[] = [];
    // Each name is a prompt of its own to the predictor.
    for (let round = 0; round < ROUNDS; round++)
      extra.push((await answer(`${round}`)) - (await answer(`${round}`)));
    return Math.max(0, median(extra));
  } finally {
    await predictor.close();
  }
}

/** The same of a tenant with weights of its own: a model is opened, in place of a prompt. */
export async function modelSwitchSeconds(backbone: Backbone): Promise<number> {
  const extra: number[] = [];
  for (let round = 0; round < 3; round++) {
    const began = performance.now();
    const predictor = await createPredictor({
      backbone,
      loadPrompt: () => Promise.reject(new Error("none")),
    });
    try {
      const answer = () => predictor.embed([TEXT]);
      await answer();
      extra.push((performance.now() - began) / 1000 - (await secondsOf(answer)));
    } finally {
      await predictor.close();
    }
  }
  return Math.max(0, median(extra));
}

const TEXT = "where is my parcel";
const ROUNDS = 9;

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}
