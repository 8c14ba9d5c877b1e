import type { Backbone } from "@kilotune/backbone";
import { KilotuneError } from "@kilotune/contract";
import { expectUse, type StoredPrompt, useOf } from "@kilotune/prompt";
import { readPromptFile } from "@kilotune/prompt/node";
import { createPredictor, type Predictor } from "@kilotune/serving";
import { decodeTags } from "@kilotune/heads";
import { argmaxRows } from "@kilotune/tuner";
import { answerTexts, vectorsOfTexts } from "../classes/answer.ts";
import { isOneValue, servedVectors } from "../evaluate.ts";
import type { DataSource } from "../job.ts";
import { readRows } from "../classes/read-data.ts";
import { tagsAt, wordLogits } from "../tags/answer.ts";
import { readTextRows } from "../texts/read-texts.ts";
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
  hooks: TaskHooks,
): Promise<AnswerTaskResult> {
  const stored = await readPromptFile(promptFile);
  const predictor = await createPredictor({ backbone, loadPrompt: async () => stored });
  try {
    return await WAYS[wayOf(stored)]({ backbone, stored, predictor, source, maxRows, hooks });
  } finally {
    await predictor.close();
  }
}

interface Asked {
  readonly backbone: Backbone;
  readonly stored: StoredPrompt;
  readonly predictor: Predictor;
  readonly source: DataSource;
  readonly maxRows: number;
  readonly hooks: TaskHooks;
}

const WAYS = {
  textClassification: classesTwice,
  textMultiLabel: labelsTwice,
  textRegression: valuesTwice,
  textRetrieval: vectorsTwice,
  textTagging: spansTwice,
};

function wayOf({ prompt: { manifest } }: StoredPrompt): keyof typeof WAYS {
  const use = useOf(manifest);
  if (use in WAYS) return use as keyof typeof WAYS;
  throw new KilotuneError("wrong_task", `expected a prompt that jobs of texts make, saw ${use}`, "", {
    kind: "machine",
  });
}

/** Logits are cosines times 20 or so, in single precision: two graphs differ by 1e-4, another prompt by units. */
const ROUNDING = 0.01;

async function classesTwice({ backbone, predictor, source, maxRows, hooks, ...asked }: Asked) {
  const stored = expectUse(asked.stored, "textClassification");
  const { labels, input } = stored.prompt.manifest;
  const encode = (text: string) => backbone.tokenizer.encode(text);
  const pairs = { pairs: input === "text_pair" };
  const read = await readRows(source, encode, hooks.onEvent, "answering", pairs);
  const classOf = new Map(labels.map((label, at) => [label, at]));
  const rows = spread(
    read.rows.filter(({ label }) => classOf.has(label)),
    maxRows,
  );
  const served = await predictor.classify(requestsOf(rows, stored.id), { topK: 1, signal: hooks.signal });
  const logits = await answerTexts(backbone, stored.prompt, rows);
  const tuned = argmaxRows(logits, labels.length);
  const disagreeing = served.filter(({ label }, row) => {
    const logit = (at: number) => logits[row * labels.length + at] as number;
    return logit(tuned[row] as number) - logit(classOf.get(label) as number) > ROUNDING;
  });
  const right = served.filter(({ label }, row) => label === rows[row]?.label);
  return { rows: rows.length, right: right.length, disagreeing: disagreeing.length };
}

async function labelsTwice({ backbone, predictor, source, maxRows, hooks, ...asked }: Asked) {
  const stored = expectUse(asked.stored, "textMultiLabel");
  const { labels, input } = stored.prompt.manifest;
  const read = await readTextRows(
    source,
    { task: "multi_label", pairs: input === "text_pair" },
    hooks.onEvent,
  );
  const rows = spread(read.rows, maxRows);
  const served = await predictor.classify(requestsOf(rows, stored.id), {
    logits: true,
    signal: hooks.signal,
  });
  const tuned = await answerTexts(backbone, stored.prompt, rows);
  const disagreeing = served.filter(({ logits = [] }, row) =>
    logits.some((logit, at) => differ(logit, tuned[row * labels.length + at] as number)),
  );
  const setOf = (names: readonly string[]) => JSON.stringify([...names].sort());
  const right = served.filter(
    (answer, row) => setOf((answer.labels ?? []).map(({ label }) => label)) === setOf(rows[row]!.labels),
  );
  return { rows: rows.length, right: right.length, disagreeing: disagreeing.length };
}

async function valuesTwice({ backbone, predictor, source, maxRows, hooks, ...asked }: Asked) {
  const stored = expectUse(asked.stored, "textRegression");
  const { calibration, input } = stored.prompt.manifest;
  const options = { task: "regression", pairs: input === "text_pair" } as const;
  const read = await readTextRows(source, options, hooks.onEvent, isOneValue);
  const rows = spread(read.rows, maxRows);
  const served = await predictor.estimate(requestsOf(rows, stored.id), { signal: hooks.signal });
  const tuned = await answerTexts(backbone, stored.prompt, rows);
  const { mean, scale } = calibration;
  const disagreeing = served.filter(({ value }, row) => differ((value - mean) / scale, tuned[row] as number));
  return { rows: rows.length, right: null, disagreeing: disagreeing.length };
}

async function vectorsTwice({ backbone, stored, predictor, source, maxRows, hooks }: Asked) {
  const read = await readTextRows(source, { task: "retrieval" }, hooks.onEvent);
  const texts = spread(read.rows, maxRows).map(({ query }) => query);
  const served = await servedVectors(predictor, texts, stored.id, hooks.signal);
  const tuned = await vectorsOfTexts(
    backbone,
    stored.prompt,
    texts.map((text) => ({ text })),
  );
  const width = tuned.length / Math.max(1, texts.length);
  const disagreeing = texts.filter((_, row) => {
    let cosine = 0;
    for (let at = row * width; at < (row + 1) * width; at++)
      cosine += (served[at] as number) * (tuned[at] as number);
    return !(cosine > 1 - ROUNDING / 10);
  });
  return { rows: texts.length, right: null, disagreeing: disagreeing.length };
}

/** Of two rows of tags that differ by rounding, both are as likely. */
async function spansTwice({ backbone, predictor, source, maxRows, hooks, ...asked }: Asked) {
  const stored = expectUse(asked.stored, "textTagging");
  const { labels } = stored.prompt.manifest;
  const read = await readTextRows(source, { task: "tagging" }, hooks.onEvent);
  const texts = spread(read.rows, maxRows).map(({ text }) => text);
  const requests = texts.map((text) => ({ text, prompt: stored.id }));
  const served = await predictor.tag(requests, { signal: hooks.signal });
  const tuned = await wordLogits(backbone, stored.prompt, texts);
  const disagreeing = served.filter(({ spans }, row) => {
    const { words, logits } = tuned[row]!;
    const places = words.map(([start]) => start);
    const given = tagsAt(places, spans).map((tag) => labels.indexOf(tag));
    const logit = (word: number, tag: number) => logits[word * labels.length + tag] as number;
    const best = decodeTags(logits, labels).tags;
    const behind = given.reduce((sum, tag, word) => sum + logit(word, best[word]!) - logit(word, tag), 0);
    return !(behind <= ROUNDING * Math.max(1, words.length));
  });
  return { rows: texts.length, right: null, disagreeing: disagreeing.length };
}

/** The heads of labels and numbers are longer than those of classes: what rounding makes of them grows with them. */
function differ(one: number, other: number): boolean {
  return Math.abs(one - other) > ROUNDING * Math.max(1, Math.abs(one));
}

function spread<Row>(rows: readonly Row[], most: number): Row[] {
  const stride = Math.max(1, Math.ceil(rows.length / most));
  return rows.filter((_, at) => at % stride === 0);
}

function requestsOf(rows: readonly { readonly text: string; readonly textPair?: string }[], prompt: string) {
  return rows.map(({ text, textPair }) => ({ text, prompt, ...(textPair !== undefined && { textPair }) }));
}
