import { type TinyBackbone, tinyBackbone } from "@kilotune/backbone/testing";
import { prng } from "@kilotune/dataset";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fitTagProbe } from "../baselines/tag-probe.ts";
import { HiddenStore } from "../data/hidden-store.ts";
import { learntHead } from "../head/linear-outputs.ts";
import { type LinearSession, openLinearSession } from "../head/linear-session.ts";
import { scoreSpans } from "../measure/spans.ts";
import { runTuning } from "../run-tuning.ts";
import { SETTINGS } from "../testing.ts";
import { embedWords } from "./embed-words.ts";
import { tagLabelsOf, taggedWords, tagsOfTokens } from "./tagged-words.ts";
import { answerTags, spanF1, textTagging } from "./tagging.ts";

const CITIES = ["rome", "york", "new"];
const FILLERS = ["to", "from", "a", "ticket", "please"];
let tiny: TinyBackbone;
let linear: LinearSession;

beforeAll(async () => {
  tiny = await tinyBackbone({ words: [...CITIES, ...FILLERS] });
  linear = await openLinearSession(tiny.backbone.openGraph, tiny.backbone.manifest.config.hiddenSize);
});
afterAll(async () => {
  await linear.release();
  await tiny[Symbol.asyncDispose]();
});

describe("words of a tagged row", () => {
  it("are those of any text: of a token with several, the later ones go on", () => {
    const text = "4pm-noon 👋";
    const row = {
      text,
      tokens: [
        [0, 8],
        [9, 11],
      ] as const,
      tags: ["B-time", "O"],
      line: 1,
    };
    const { words, tags, wordOfToken, firsts } = taggedWords(tiny.backbone.tokenizer, row);
    expect(words.map(([start, end]) => text.slice(start, end))).toEqual(["4pm", "-", "noon", "👋"]);
    expect(tags).toEqual(["B-time", "I-time", "I-time", "O"]);
    expect([...wordOfToken]).toEqual([0, 3]);
    expect([...firsts]).toEqual([1, 2, 3, 4]);
    expect(tagsOfTokens(wordOfToken, ["O", "B-x", "O", "B-y"])).toEqual(["O", "B-y"]);
  });

  it("that the tokenizer doesn't see, or that were cut off, have no token (known faults 73 and 75)", async () => {
    const long = Array.from({ length: 600 }, () => "rome");
    const text = long.join(" ");
    const tokens = long.map((_, at) => [5 * at, 5 * at + 4] as const);
    const cut = taggedWords(tiny.backbone.tokenizer, { text, tokens, tags: long.map(() => "O"), line: 1 });
    expect([cut.truncated, cut.ids.length, cut.firsts[509], cut.firsts[510]]).toEqual([true, 512, 510, -1]);
    const unseen = {
      text: "\u200b rome",
      tokens: [
        [0, 1],
        [2, 6],
      ] as const,
      tags: ["O", "B-x"],
      line: 1,
    };
    expect([...taggedWords(tiny.backbone.tokenizer, unseen).wordOfToken]).toEqual([-1, 0]);
  });
});

describe("tagging", () => {
  const rows = (count: number, stream: string) => {
    const random = prng(1, stream);
    return Array.from({ length: count }, () => {
      const words: string[] = [];
      const tags: string[] = [];
      while (words.length < 6) {
        if (random.uniform() < 0.3) {
          const city = random.uniform() < 0.5 ? ["rome"] : ["new", "york"];
          words.push(...city);
          tags.push("B-city", ...city.slice(1).map(() => "I-city"));
        } else {
          words.push(FILLERS[random.integer(FILLERS.length)] as string);
          tags.push("O");
        }
      }
      const text = words.join(" ");
      let end = -1;
      const tokens = words.map((word) => {
        const start = end + 1;
        end = start + word.length;
        return [start, end] as const;
      });
      return { text, tokens, tags, line: 1 };
    });
  };

  it.each(["kv", "soft"] as const)(
    "by %s starts from the probe's answers and learns from there",
    async (method) => {
      const { backbone } = tiny;
      const { hiddenSize } = backbone.manifest.config;
      const firstLayer = method === "soft" ? 0 : 1;
      const lower = await backbone.open({ kind: "lower", firstLayer });
      const plain = await backbone.open({
        kind: "upper",
        site: { kind: "none", firstLayer },
        wanted: "tokens",
      });
      const train = rows(24, "train");
      const labels = tagLabelsOf(train);
      expect(labels).toEqual(["B-city", "I-city", "O"]);
      const prepared = async (some: typeof train) => {
        const words = some.map((row) => taggedWords(backbone.tokenizer, row));
        const store = await HiddenStore.compute(
          backbone,
          lower,
          words.map(({ ids }) => ids),
        );
        const firsts = words.map((each) => each.firsts);
        const tags = words.map((each) => Int32Array.from(each.tags, (tag) => labels.indexOf(tag)));
        const vectors = await embedWords(plain, { store, firsts }, hiddenSize);
        return { store, firsts, tags, vectors, expected: words.map((each) => each.tags) };
      };
      const [data, heldOut] = [await prepared(train), await prepared(rows(12, "held out"))];
      const probe = await fitTagProbe(linear, data, labels, 0, { C: 1 });
      const answered = await answerTags(linear, heldOut.vectors, heldOut.firsts, labels, probe.head);
      const settings = {
        ...SETTINGS,
        method,
        firstLayer,
        epochs: 12,
        temperature: 0.2,
        headLearningRate: 3e-2,
      };
      const task = textTagging(backbone, settings, data, probe.head);
      // With a prompt of no tokens' worth it is the probe.
      const meter = await spanF1(backbone, settings, linear, labels, heldOut).open();
      const start = learntHead(
        { weight: task.head.weight.data as Float32Array, bias: probe.head.bias },
        settings.temperature,
      );
      start.weight.forEach((value, at) => {
        expect(value).toBeCloseTo(probe.head.weight[at]!, 4);
      });
      const before = scoreSpans(heldOut.expected, answered).f1;
      const { head, prompt, curve } = await runTuning({ settings, task });
      expect(await meter.measure({ head, prompt })).toBeGreaterThanOrEqual(before);
      expect(curve.at(-1)!.loss).toBeLessThan(curve[0]!.loss);
      await Promise.all([lower, plain, meter].map((each) => each.release()));
    },
  );
});
