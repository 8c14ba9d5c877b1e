import { readFile } from "node:fs/promises";
import type { Backbone } from "@kilotune/backbone";
import { loadTextRows, type RowOfTask } from "@kilotune/dataset";
import type { Session } from "@kilotune/engine";
import {
  answerTags,
  chooseTagSettings,
  embedWords,
  fitTagProbe,
  HiddenStore,
  type LinearHead,
  openLinearSession,
  promptFeed,
  promptSite,
  runTuning,
  START_C,
  scoreSpans,
  taggedWords,
  learntHead,
  tagLabelsOf,
  tagsOfTokens,
  textTagging,
} from "@kilotune/tuner";
import { openMiniLm } from "./support/backbone.ts";
import { defineBench, say } from "./support/bench.ts";
import { sharedFile } from "./support/places.ts";
import { mean } from "./support/tune-once.ts";

const LANGUAGES = ["en", "de", "it", "nl", "tr", "ja"];

export const bench = defineBench({
  about:
    "xsid slots, tuned on 300 English sentences: prompt and head against a linear probe on frozen tokens",
  goal: "span F1 on the English test set above the probe's by >= 3 points, mean of the seeds; all languages reported",
  flags: { seeds: 3 },
  async run({ seeds }) {
    const backbone = await openMiniLm();
    const { manifest, tokenizer } = backbone;
    const { hiddenSize } = manifest.config;
    const linear = await openLinearSession(backbone.openGraph, hiddenSize);
    const rows = await read("en-train");
    const labels = tagLabelsOf(rows);
    const settingsOf = (seed: number) =>
      chooseTagSettings(manifest, { method: "kv", trainRows: rows.length, seed });
    const { firstLayer } = settingsOf(0);
    const lower = await backbone.open({ kind: "lower", firstLayer });
    const plain = await openTokens(backbone, { kind: "none", firstLayer });

    const prepare = async (some: readonly RowOfTask["tagging"][]) => {
      const words = some.map((row) => taggedWords(tokenizer, row));
      const store = await HiddenStore.compute(
        backbone,
        lower,
        words.map(({ ids }) => ids),
      );
      const firsts = words.map((each) => each.firsts);
      const tags = words.map((each) => Int32Array.from(each.tags, (tag) => labels.indexOf(tag)));
      return { words, store, firsts, tags, expected: some.map((row) => row.tags) };
    };
    type Prepared = Awaited<ReturnType<typeof prepare>>;
    /** Span F1 in percent, over the rows' own tokens. */
    const f1 = async ({ words, firsts, expected }: Prepared, vectors: Float32Array, head: LinearHead) => {
      const answered = await answerTags(linear, vectors, firsts, labels, head);
      const ofTokens = answered.map((tags, row) => tagsOfTokens(words[row]!.wordOfToken, tags));
      return 100 * scoreSpans(expected, ofTokens).f1;
    };

    const train = await prepare(rows);
    const data = { ...train, vectors: await embedWords(plain, train, hiddenSize) };
    const probe = await fitTagProbe(linear, data, labels, 0);
    const start = await fitTagProbe(linear, data, labels, 0, { C: START_C });
    const tests = [];
    for (const language of LANGUAGES) {
      const rows = await prepare(await read(`${language}-test`));
      const vectors = await embedWords(plain, rows, hiddenSize);
      tests.push({ language, rows, probe: await f1(rows, vectors, probe.head) });
    }
    const runs: Record<string, number>[] = [];
    for (let seed = 0; seed < seeds; seed++) {
      const settings = settingsOf(seed);
      const learnt = await runTuning({ settings, task: textTagging(backbone, settings, train, start.head) });
      const site = promptSite(settings, manifest);
      const upper = await openTokens(backbone, site.site);
      const own = learntHead(learnt.head, settings.temperature);
      const byLanguage: Record<string, number> = {};
      for (const { language, rows } of tests) {
        const vectors = await embedWords(upper, rows, hiddenSize, promptFeed(site, learnt.prompt));
        byLanguage[language] = await f1(rows, vectors, own);
      }
      await upper.release();
      say(JSON.stringify({ seed, ...byLanguage }));
      runs.push(byLanguage);
    }
    await Promise.all([lower, plain, linear].map((session) => session.release()));
    const languages = Object.fromEntries(
      tests.map(({ language, probe }) => [
        language,
        { linearProbe: probe, tuned: mean(runs.map((run) => run[language]!)) },
      ]),
    );
    const margin = languages.en!.tuned - languages.en!.linearProbe;
    return { figures: { spanF1Percent: languages, C: probe.C, margin, runs }, reached: margin >= 3 };
  },
});

async function read(name: string): Promise<RowOfTask["tagging"][]> {
  const bytes = await readFile(sharedFile(`data/xsid/${name}.jsonl`));
  return (await loadTextRows(bytes, { format: "jsonl", task: "tagging" })).rows;
}

function openTokens(
  backbone: Backbone,
  site: Extract<Parameters<Backbone["open"]>[0], { kind: "upper" }>["site"],
): Promise<Session> {
  return backbone.open({ kind: "upper", site, wanted: "tokens" });
}
