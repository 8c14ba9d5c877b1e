import { readFile } from "node:fs/promises";
import { labelsOf, loadExamples } from "@kilotune/dataset";
import { sizeOf } from "@kilotune/engine";
import {
  chooseRetrievalSettings,
  embed,
  HiddenStore,
  promptFeed,
  promptSite,
  rankingFigures,
  runTuning,
  textProxies,
} from "@kilotune/tuner";
import { openMiniLm } from "./support/backbone.ts";
import { defineBench, say } from "./support/bench.ts";
import { sharedFile } from "./support/places.ts";

export const bench = defineBench({
  about: "banking77: test queries find training rows of their intent, through LoRA and frozen",
  goal: "mean average precision at 10 above the frozen backbone's by >= 5 points",
  flags: { epochs: 14, queries: 3080 },
  async run({ epochs, queries }) {
    const backbone = await openMiniLm();
    const { manifest, tokenizer } = backbone;
    const { hiddenSize } = manifest.config;
    const train = await read("train");
    const test = (await read("test")).slice(0, queries);
    const labels = labelsOf(train);
    const settings = chooseRetrievalSettings(manifest, {
      ...{ method: "lora", trainRows: train.length, seed: 0, epochs },
      byProxies: true,
    });
    const site = promptSite(settings, manifest);
    const lower = await backbone.open({ kind: "lower", firstLayer: settings.firstLayer, cut: "in front" });
    const upper = await backbone.open({ kind: "upper", site: site.site });
    const prepare = async (rows: typeof train) => ({
      store: await HiddenStore.compute(
        backbone,
        lower,
        rows.map(({ text }) => tokenizer.encode(text).ids),
      ),
      groups: Int32Array.from(rows, ({ label }) => labels.indexOf(label)),
    });
    const [found, asked] = [await prepare(train), await prepare(test)];
    const figures = async (prompt: Float32Array) => {
      const feed = promptFeed(site, prompt);
      const vectors = {
        queries: await embed(upper, asked.store, hiddenSize, feed),
        found: await embed(upper, found.store, hiddenSize, feed),
      };
      return rankingFigures(vectors, { queries: asked.groups, found: found.groups }, hiddenSize, 10);
    };
    // Products of nothing add nothing: the plain backbone.
    const nothing = new Float32Array(sizeOf(site.dims));
    const frozen = await figures(nothing);
    say(JSON.stringify({ frozen }));
    const vectors = await embed(upper, found.store, hiddenSize, promptFeed(site, nothing));
    const learnt = await runTuning({
      settings,
      task: textProxies(backbone, settings, found, vectors),
      onEpoch: ({ epoch, loss }) => say(`  epoch ${epoch}: loss ${loss.toFixed(3)}`),
    });
    const tuned = await figures(learnt.prompt);
    await Promise.all([lower, upper].map((session) => session.release()));
    const margin = 100 * (tuned.meanAveragePrecision - frozen.meanAveragePrecision);
    return { figures: { queries: test.length, frozen, tuned, margin }, reached: margin >= 5 };
  },
});

async function read(name: string) {
  const bytes = await readFile(sharedFile(`data/banking77/${name}.jsonl`));
  return (await loadExamples(bytes, { format: "jsonl" })).rows;
}
