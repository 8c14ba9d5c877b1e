import { readFile } from "node:fs/promises";
import { labelsOf, loadExamples } from "@kilotune/dataset";
import {
  chooseSettings,
  embed,
  HiddenStore,
  promptFeed,
  promptSite,
  rankingFigures,
  runTuning,
  textRetrieval,
} from "@kilotune/tuner";
import { openMiniLm } from "./support/backbone.ts";
import { defineBench, say } from "./support/bench.ts";
import { sharedFile } from "./support/places.ts";

export const bench = defineBench({
  about: "banking77: test queries find training rows of their intent, through a tuned prompt and frozen",
  goal: "mean average precision at 10 above the frozen backbone's by >= 5 points",
  flags: { epochs: 3, queries: 3080 },
  async run({ epochs, queries }) {
    const backbone = await openMiniLm();
    const { manifest, tokenizer } = backbone;
    const { hiddenSize } = manifest.config;
    const train = await read("train");
    const test = (await read("test")).slice(0, queries);
    const labels = labelsOf(train);
    const settings = {
      ...chooseSettings(manifest, { method: "kv", trainRows: train.length, seed: 0, epochs }),
      batchSize: 128,
      // By held-out training rows: 0.03 learns next to nothing.
      promptLearningRate: 0.3,
      temperature: 0.1,
    };
    const { firstLayer } = settings;
    const lower = await backbone.open({ kind: "lower", firstLayer });
    const prepare = async (rows: typeof train) => ({
      store: await HiddenStore.compute(
        backbone,
        lower,
        rows.map(({ text }) => tokenizer.encode(text).ids),
      ),
      groups: Int32Array.from(rows, ({ label }) => labels.indexOf(label)),
    });
    const [found, asked] = [await prepare(train), await prepare(test)];
    const figures = async (site: Parameters<typeof backbone.open>[0], prompt = {}) => {
      const upper = await backbone.open(site);
      const vectors = {
        queries: await embed(upper, asked.store, hiddenSize, prompt),
        found: await embed(upper, found.store, hiddenSize, prompt),
      };
      await upper.release();
      return rankingFigures(vectors, { queries: asked.groups, found: found.groups }, hiddenSize, 10);
    };
    const frozen = await figures({ kind: "upper", site: { kind: "none", firstLayer } });
    say(JSON.stringify({ frozen }));
    const data = { ...found, texts: train.map((_, row) => [row]) };
    const learnt = await runTuning({
      settings,
      task: textRetrieval(backbone, settings, data),
      onEpoch: ({ epoch, loss }) => say(`  epoch ${epoch}: loss ${loss.toFixed(3)}`),
    });
    const site = promptSite(settings, manifest);
    const tuned = await figures({ kind: "upper", site: site.site }, promptFeed(site, learnt.prompt));
    await lower.release();
    const margin = 100 * (tuned.meanAveragePrecision - frozen.meanAveragePrecision);
    return { figures: { queries: test.length, frozen, tuned, margin }, reached: margin >= 5 };
  },
});

async function read(name: string) {
  const bytes = await readFile(sharedFile(`data/banking77/${name}.jsonl`));
  return (await loadExamples(bytes, { format: "jsonl" })).rows;
}
