import { type Backbone, cutOf, type WordSpan, wordSpans } from "@kilotune/backbone";
import type { RowOfTask } from "@kilotune/dataset";
import type { Prompt } from "@kilotune/prompt";
import type { FoundSpan, Predictor } from "@kilotune/serving";
import { embedWords, HiddenStore, openLinearSession } from "@kilotune/tuner";
import { siteOf } from "../classes/answer.ts";
import type { TagOutcome } from "./outcome.ts";

/** Rows answered as they are served: whatever cut the row's own tokens have, the text is cut as any other. */
export async function servedOutcomes(
  predictor: Predictor,
  rows: readonly RowOfTask["tagging"][],
  prompt: string,
  onProgress: (share: number) => void = () => {},
): Promise<TagOutcome[]> {
  const outcomes: TagOutcome[] = [];
  for (let from = 0; from < rows.length; from += AT_ONCE) {
    const asked = rows.slice(from, from + AT_ONCE);
    const answers = await predictor.tag(asked.map(({ text }) => ({ text, prompt })));
    for (const [at, { text, tokens, tags }] of asked.entries()) {
      const places = tokens.map(([start, end]) => start + (wordSpans(text.slice(start, end))[0]?.[0] ?? 0));
      outcomes.push({ text, tokens, expected: tags, answered: tagsAt(places, answers[at]!.spans) });
    }
    onProgress(outcomes.length / rows.length);
  }
  return outcomes;
}

/** Fewer than what a predictor's queue holds. */
const AT_ONCE = 256;

/** BIO tags of what stands at these places of a text, in its order. */
export function tagsAt(
  places: readonly number[],
  spans: readonly Pick<FoundSpan, "label" | "start" | "end">[],
): string[] {
  let open: (typeof spans)[number] | undefined;
  return places.map((place) => {
    const span = spans.find(({ start, end }) => start <= place && place < end);
    const goesOn = span !== undefined && span === open;
    open = span;
    return span === undefined ? "O" : `${goesOn ? "I" : "B"}-${span.label}`;
  });
}

export interface WordLogits {
  /** Those words of the text that were read. */
  readonly words: readonly WordSpan[];
  /** [words, tags] flat */
  readonly logits: Float32Array;
}

/** Of each text through the tuner's graphs, opened for it. @param prompt of a linear head, as jobs make them */
export async function wordLogits(
  backbone: Backbone,
  prompt: Prompt,
  texts: readonly string[],
): Promise<WordLogits[]> {
  const { hiddenSize } = backbone.manifest.config;
  const { head } = prompt;
  if (head?.kind !== "linear") throw new Error("jobs of tagging make linear heads");
  const rows = texts.map((text) => {
    const words = wordSpans(text);
    return { words, ...backbone.tokenizer.encodeWords(text, words) };
  });
  await using opened = new AsyncDisposableStack();
  const { site, feeds } = siteOf(backbone, prompt);
  const firstLayer = site.kind === "soft" ? 0 : site.firstLayer;
  const lower = await backbone.open({ kind: "lower", firstLayer, cut: cutOf(site) });
  opened.defer(() => lower.release());
  const upper = await backbone.open({ kind: "upper", site, wanted: "tokens" });
  opened.defer(() => upper.release());
  const linear = await openLinearSession(backbone.openGraph, hiddenSize);
  opened.defer(() => linear.release());
  const ids = rows.map((row) => row.ids);
  const firsts = rows.map((row) => row.firsts);
  const store = await HiddenStore.compute(backbone, lower, ids);
  const vectors = await embedWords(upper, { store, firsts }, hiddenSize, feeds);
  const weight = head.weight.map((number) => number * head.scale);
  const logits = await linear.logits(vectors, weight, head.bias);
  const tags = head.bias.length;
  let at = 0;
  return rows.map((row) => {
    const words = row.words.filter((_, word) => (row.firsts[word] as number) >= 0);
    const own = logits.slice(at, at + words.length * tags);
    at += own.length;
    return { words, logits: own };
  });
}
