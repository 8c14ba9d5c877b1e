import { readFile } from "node:fs/promises";
import { drawShots, labelsOf, loadExamples } from "@kilotune/dataset";
import {
  auroc,
  chooseScope,
  chooseSettings,
  classMeans,
  countRight,
  argmaxRows,
  embed,
  fitLinearProbe,
  fitTemperature,
  HiddenStore,
  normalizeRows,
  openLinearSession,
  promptFeed,
  promptSite,
  runTuning,
  scopeScores,
  textClassification,
} from "@kilotune/tuner";
import { openMiniLm } from "./support/backbone.ts";
import { defineBench, say } from "./support/bench.ts";
import { sharedFile } from "./support/places.ts";

export const bench = defineBench({
  about:
    "clinc150 with out-of-scope texts: a tuned classifier's calibrated score against frozen neighbours and the probe",
  goal: "AUROC of the chosen score >= 0.95, and in-scope accuracy at least the probe's",
  flags: { shots: 100 },
  async run({ shots }) {
    const backbone = await openMiniLm();
    const { manifest, tokenizer } = backbone;
    const { hiddenSize } = manifest.config;
    const linear = await openLinearSession(backbone.openGraph, hiddenSize);
    const train = drawShots(await read("train"), shots, 0);
    const labels = labelsOf(train);
    const settings = chooseSettings(manifest, { method: "kv", trainRows: train.length, seed: 0 });
    const { firstLayer } = settings;
    const lower = await backbone.open({ kind: "lower", firstLayer });
    const plain = await backbone.open({ kind: "upper", site: { kind: "none", firstLayer } });
    const prepare = async (rows: typeof train) => {
      const ids = rows.map(({ text }) => tokenizer.encode(text).ids);
      const store = await HiddenStore.compute(backbone, lower, ids);
      const classes = Int32Array.from(rows, ({ label }) => labels.indexOf(label));
      return { store, labels: classes, frozen: await embed(plain, store, hiddenSize) };
    };
    const known = await prepare(train);
    const [validation, outsideValidation] = [
      await prepare(await read("val")),
      await prepare(await read("oos_val")),
    ];
    const [test, outside] = [await prepare(await read("test")), await prepare(await read("oos_test"))];
    say("features computed");

    const C = labels.length;
    const data = { store: known.store, labels: known.labels, classes: C };
    const prototypes = classMeans(known.frozen, known.labels, C, hiddenSize);
    const learnt = await runTuning({
      settings,
      task: textClassification(backbone, settings, data, prototypes),
      onEpoch: ({ epoch, loss }) => say(`  epoch ${epoch}: loss ${loss.toFixed(3)}`),
    });
    const site = promptSite(settings, manifest);
    const upper = await backbone.open({ kind: "upper", site: site.site });
    const weight = normalizeRows(learnt.head.prototypes.slice(), hiddenSize).map(
      (value) => value / settings.temperature,
    );
    const tuned = async ({ store }: { store: HiddenStore }) =>
      linear.logits(
        await embed(upper, store, hiddenSize, promptFeed(site, learnt.prompt)),
        weight,
        new Float32Array(C),
      );
    const logits = {
      validation: await tuned(validation),
      outsideValidation: await tuned(outsideValidation),
      test: await tuned(test),
      outside: await tuned(outside),
    };
    const probe = await fitLinearProbe(linear, known.frozen, known.labels, C, { C: 10 });
    const probed = (vectors: Float32Array) => linear.logits(vectors, probe.weight, probe.bias);

    const temperature = fitTemperature(logits.validation, validation.labels, C);
    // Once as a tenant without such texts, once with the hundred that the data set holds for validation.
    const choices = {
      "in-scope rows alone": chooseScope({ inScope: logits.validation }, C, temperature),
      "with rows of no class": chooseScope(
        { inScope: logits.validation, outside: logits.outsideValidation },
        C,
        temperature,
      ),
    };
    const right = (answers: Float32Array) =>
      countRight(test.labels, argmaxRows(answers, C)) / test.labels.length;
    const probeLogits = { test: await probed(test.frozen), outside: await probed(outside.frozen) };
    const accuracy = { tuned: right(logits.test), probe: right(probeLogits.test) };
    const score = (
      name: "probability" | "energy",
      from: { test: Float32Array; outside: Float32Array },
      T: number,
    ) => auroc(scopeScores(name, from.test, C, T), scopeScores(name, from.outside, C, T));
    const neighbours = async (vectors: Float32Array) => {
      const cosines = await linear.logits(vectors, known.frozen, new Float32Array(known.labels.length));
      const rows = known.labels.length;
      return Float64Array.from({ length: vectors.length / hiddenSize }, (_, row) =>
        cosines.subarray(row * rows, (row + 1) * rows).reduce((a, b) => Math.max(a, b), -1),
      );
    };
    const areas = {
      tunedEnergy: score("energy", logits, temperature),
      tunedProbability: score("probability", logits, temperature),
      probeProbability: score("probability", probeLogits, 1),
      frozenNearestNeighbour: auroc(await neighbours(test.frozen), await neighbours(outside.frozen)),
    };
    const decided = Object.fromEntries(
      Object.entries(choices).map(([name, { score, threshold }]) => {
        const kept = scopeScores(score, logits.test, C, temperature).map((seen) =>
          seen >= threshold ? 1 : 0,
        );
        const away = scopeScores(score, logits.outside, C, temperature).filter((seen) => seen < threshold);
        const answered = argmaxRows(logits.test, C);
        const hits = answered.reduce(
          (sum, label, row) => sum + (label === test.labels[row] ? kept[row]! : 0),
          0,
        );
        return [
          name,
          {
            score,
            threshold,
            inScopeAccuracy: hits / kept.length,
            found: away.length / outside.labels.length,
          },
        ];
      }),
    );
    await Promise.all([lower, plain, upper, linear].map((session) => session.release()));
    const { score: chosen } = choices["with rows of no class"];
    const area = chosen === "energy" ? areas.tunedEnergy : areas.tunedProbability;
    const figures = { trainRows: train.length, auroc: areas, chosen, accuracy, decided, temperature };
    return { figures, reached: area >= 0.95 && accuracy.tuned >= accuracy.probe };
  },
});

async function read(name: string) {
  const bytes = await readFile(sharedFile(`data/clinc150/${name}.jsonl`));
  return (await loadExamples(bytes, { format: "jsonl" })).rows;
}
