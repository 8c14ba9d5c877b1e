import type { Backbone } from "@kilotune/backbone";
import { expectUse } from "@kilotune/prompt";
import { readPromptFile } from "@kilotune/prompt/node";
import { createPredictor } from "@kilotune/serving";
import { argmaxRows } from "@kilotune/tuner";
import { answerTexts } from "../classes/answer.ts";
import type { DataSource } from "../job.ts";
import { readRows } from "../classes/read-data.ts";
import type { AnswerTaskResult, TaskHooks } from "./tasks.ts";

/**
 * Rows answered by a prompt's file through the graph that serves, and through the tuner's graphs, which the report's
 * figures come from. The two may differ by rounding alone.
 */
export async function answerTwice(
  backbone: Backbone,
  promptFile: string,
  source: DataSource,
  maxRows: number,
  { onEvent, signal }: TaskHooks,
): Promise<AnswerTaskResult> {
  const stored = expectUse(await readPromptFile(promptFile), "textClassification");
  const { labels } = stored.prompt.manifest;
  const encode = (text: string) => backbone.tokenizer.encode(text);
  const read = await readRows(source, encode, onEvent, "answering");
  const classOf = new Map(labels.map((label, at) => [label, at]));
  const known = read.rows.filter(({ label }) => classOf.has(label));
  const stride = Math.max(1, Math.ceil(known.length / maxRows));
  const rows = known.filter((_, at) => at % stride === 0);
  const texts = rows.map(({ text }) => text);

  const predictor = await createPredictor({ backbone, loadPrompt: async () => stored });
  const served = await predictor
    .classify(
      texts.map((text) => ({ text, prompt: stored.id })),
      { topK: 1, signal },
    )
    .finally(() => predictor.close());

  const logits = await answerTexts(backbone, stored.prompt, texts);
  const tuned = argmaxRows(logits, labels.length);
  const disagreeing = served.filter(({ label }, row) => {
    const logit = (at: number) => logits[row * labels.length + at] as number;
    return logit(tuned[row] as number) - logit(classOf.get(label) as number) > ROUNDING;
  });
  const right = served.filter(({ label }, row) => label === rows[row]?.label);
  return { rows: rows.length, right: right.length, disagreeing: disagreeing.length };
}

/** Logits are cosines times 20 or so, in single precision: two graphs differ by 1e-4, another prompt by units. */
const ROUNDING = 0.01;
