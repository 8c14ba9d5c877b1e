import type { Backbone, TextHead } from "@kilotune/backbone";
import { type Feeds, float32, crossEntropy, normalize, type Value } from "@kilotune/engine";
import { decodeTags } from "@kilotune/heads";
import type { HiddenStore } from "../data/hidden-store.ts";
import { learntHead } from "../head/linear-outputs.ts";
import type { LinearHead } from "../head/linear-probe.ts";
import type { LinearSession } from "../head/linear-session.ts";
import { scoreSpans } from "../measure/spans.ts";
import { promptFeed, promptSite } from "../prompt-site.ts";
import type { TuneSettings } from "../settings.ts";
import { type LearningTask, standardErrorOfShare, type Validation } from "../task.ts";
import { embedWords } from "./embed-words.ts";

/** Texts whose words have a tag each. */
export interface TaggedTexts {
  readonly store: HiddenStore;
  /** Of each text the tokens that its words begin with; -1 for a word without one. */
  readonly firsts: readonly Int32Array[];
  /** Of each text the numbers of its words' tags; -1 for a word that nothing is learnt from. */
  readonly tags: readonly Int32Array[];
}

/**
 * A tag a word, by a linear head on the hidden state of its first token, at length one: scale * (weight . x) + bias.
 *
 * @param start a probe of the frozen states: its logits are the head's first ones
 */
export function textTagging(
  backbone: Backbone,
  settings: TuneSettings,
  data: TaggedTexts,
  start: LinearHead,
): LearningTask<"weight" | "bias"> {
  const site = promptSite(settings, backbone.manifest);
  const { hiddenSize } = backbone.manifest.config;
  const C = start.bias.length;
  const weight = start.weight.map((value) => value * settings.temperature);
  return {
    site,
    head: { weight: float32(weight, [C, hiddenSize]), bias: float32(start.bias, [C]) },
    rows: data.store,
    open: ({ dropout }) => backbone.openTuned(site.site, taggingHead(hiddenSize), { dropout }),
    targets: (rows, { batch }) => ({
      ...tagTargets(data, C, rows, batch),
      scale: float32([1 / settings.temperature], []),
    }),
  };
}

function taggingHead(hiddenSize: number): TextHead {
  return {
    wanted: { tokens: true },
    add(b, { tokens }) {
      // W words of a row; each picks its token.
      const picks = b.input("words", "float32", ["B", "W", "S"]);
      const states = b.op("Reshape", [b.op("MatMul", [picks, tokens as Value]), b.ints([-1, hiddenSize])]);
      const weight = b.input("weight", "float32", ["C", hiddenSize]);
      const products = b.op("Gemm", [normalize(b, states), weight], { transB: 1 });
      const scaled = b.op("Mul", [products, b.input("scale", "float32", [])]);
      const logits = b.op("Add", [scaled, b.input("bias", "float32", ["C"])]);
      const targets = b.input("targets", "float32", ["B*W", "C"]);
      b.output(crossEntropy(b, logits, targets, b.input("weights", "float32", ["B*W"])), "loss");
      return ["weight", "bias"];
    },
  };
}

/** Each word of the batch counts the same, whichever part its row is in. */
function tagTargets(
  { store, firsts, tags }: TaggedTexts,
  C: number,
  rows: readonly number[],
  batch: readonly number[],
): Feeds {
  const of = (row: number) => [firsts[row] as Int32Array, tags[row] as Int32Array] as const;
  const learnt = (row: number) => {
    const [first, tag] = of(row);
    return tag.reduce((sum, number, word) => sum + (number >= 0 && (first[word] as number) >= 0 ? 1 : 0), 0);
  };
  const all = Math.max(
    1,
    batch.reduce((sum, row) => sum + learnt(row), 0),
  );
  const W = Math.max(1, ...rows.map((row) => (firsts[row] as Int32Array).length));
  const S = Math.max(...rows.map((row) => store.lengths[row] as number));
  const words = new Float32Array(rows.length * W * S);
  const targets = new Float32Array(rows.length * W * C);
  const weights = new Float32Array(rows.length * W);
  rows.forEach((row, at) => {
    const [first, tag] = of(row);
    first.forEach((token, word) => {
      const number = tag[word] as number;
      if (token < 0 || number < 0) return;
      const place = at * W + word;
      words[place * S + token] = 1;
      targets[place * C + number] = 1;
      weights[place] = 1 / all;
    });
  });
  return {
    words: float32(words, [rows.length, W, S]),
    targets: float32(targets, [rows.length * W, C]),
    weights: float32(weights, [rows.length * W]),
  };
}

/** Tags of each text's words, "O" where a word has no token; `labels` in the order of the head's rows. */
export async function answerTags(
  linear: LinearSession,
  vectors: Float32Array,
  firsts: readonly Int32Array[],
  labels: readonly string[],
  head: LinearHead,
): Promise<string[][]> {
  const logits = await linear.logits(vectors, head.weight, head.bias);
  let at = 0;
  return firsts.map((first) => {
    const seen = [...first.keys()].filter((word) => (first[word] as number) >= 0);
    const own = logits.subarray(at, at + seen.length * labels.length);
    at += own.length;
    const { tags } = decodeTags(own, labels);
    const row = new Array<string>(first.length).fill("O");
    seen.forEach((word, i) => {
      row[word] = labels[tags[i] as number] as string;
    });
    return row;
  });
}

/** F1 of the held-out texts' spans. */
export function spanF1(
  backbone: Backbone,
  settings: TuneSettings,
  linear: LinearSession,
  labels: readonly string[],
  rows: Pick<TaggedTexts, "store" | "firsts"> & {
    /** Of each text's words, in words. */
    readonly expected: readonly (readonly string[])[];
  },
): Validation {
  const site = promptSite(settings, backbone.manifest);
  const { hiddenSize } = backbone.manifest.config;
  const { support } = scoreSpans(rows.expected, []);
  return {
    standardError: (score) => standardErrorOfShare(score, support),
    async open() {
      const upper = await backbone.open({ kind: "upper", site: site.site, wanted: "tokens" });
      return {
        async measure({ prompt, head }) {
          const vectors = await embedWords(upper, rows, hiddenSize, promptFeed(site, prompt));
          const own = learntHead(head as { weight: Float32Array; bias: Float32Array }, settings.temperature);
          return scoreSpans(rows.expected, await answerTags(linear, vectors, rows.firsts, labels, own)).f1;
        },
        release: () => upper.release(),
      };
    },
  };
}
