import { cutOf } from "@kilotune/backbone";
import { tinyBackbone } from "@kilotune/backbone/testing";
import { expect, it } from "vitest";
import { HiddenStore } from "../data/hidden-store.ts";
import { embed } from "../embed.ts";
import { outputValidation } from "../head/held-out-vectors.ts";
import { learntHead } from "../head/linear-outputs.ts";
import { openLinearSession } from "../head/linear-session.ts";
import { fitLabelProbe } from "../labels/probe.ts";
import { scoreLabels } from "../labels/score.ts";
import { crossFitted, reached, sigmoids } from "../labels/thresholds.ts";
import { promptSite } from "../prompt-site.ts";
import { runTuning } from "../run-tuning.ts";
import { SETTINGS } from "../testing.ts";
import { heldOutTexts } from "./held-out-vectors.ts";
import { textOutputs } from "./linear-outputs.ts";

const TOPICS = ["cash", "door", "late"];
const FILLERS = ["my", "the", "is", "now", "please"];

/** Every subset of the topics, among words that say nothing. */
function rows(times: number): { text: string; targets: number[] }[] {
  return Array.from({ length: 8 * times }, (_, at) => {
    const targets = TOPICS.map((_, topic) => (at >> topic) & 1);
    const words = TOPICS.filter((_, topic) => targets[topic] === 1);
    const fillers = FILLERS.map((_, filler) => FILLERS[(filler * (1 + (at % 4)) + at) % FILLERS.length]);
    return { text: [...fillers.slice(0, 1 + (at % 5)), ...words, ...fillers.slice(2)].join(" "), targets };
  });
}

it.each(["kv", "soft", "lora", "bias"] as const)(
  "labels of texts by %s begin at the probe and learn",
  async (method) => {
    await using tiny = await tinyBackbone({ words: [...TOPICS, ...FILLERS] });
    const { backbone } = tiny;
    const { hiddenSize, layers } = backbone.manifest.config;
    const firstLayer = method === "soft" ? 0 : layers - 1;
    const linear = await openLinearSession(backbone.openGraph, hiddenSize);
    const settings = { ...SETTINGS, method, firstLayer, epochs: 6, temperature: 0.2, headLearningRate: 3e-2 };
    const { site } = promptSite(settings, backbone.manifest);
    const lower = await backbone.open({ kind: "lower", firstLayer, cut: cutOf(site) });
    const data = rows(5);
    const ids = data.map(({ text }) => backbone.tokenizer.encode(text).ids);
    const store = await HiddenStore.compute(backbone, lower, ids);
    const vectors = await plainVectors();
    const targets = Uint8Array.from(data.flatMap((row) => row.targets));
    const probe = await fitLabelProbe(linear, { vectors, targets }, 3, 0);
    expect(probe.thresholds).toHaveLength(3);
    const probed = sigmoids(await linear.logits(vectors, probe.head.weight, probe.head.bias));
    expect(scoreLabels(targets, reached(probed, probe.thresholds), 3).microF1).toBeGreaterThan(0.6);

    const task = textOutputs(backbone, settings, { store, targets, outputs: 3 }, probe.head, "sigmoid");
    const start = learntHead(
      { weight: task.head.weight.data as Float32Array, bias: task.head.bias.data as Float32Array },
      settings.temperature,
    );
    start.weight.forEach((value, at) => {
      expect(value).toBeCloseTo(probe.head.weight[at]!, 3);
    });
    const validation = outputValidation(
      heldOutTexts(backbone, settings, store),
      linear,
      settings.temperature,
      {
        standardError: () => 0.01,
        of: (logits) => scoreLabels(targets, crossFitted(sigmoids(logits), targets, 3), 3).microF1,
      },
    );
    const { curve } = await runTuning({ settings, task, validation });
    expect(curve.at(-1)!.loss).toBeLessThan(curve[0]!.loss);
    expect(curve.at(-1)!.validationAccuracy).toBeGreaterThan(0.6);
    await Promise.all([lower, linear].map((each) => each.release()));

    async function plainVectors() {
      const plain = await backbone.open({ kind: "lower", firstLayer: layers - 1 });
      const rest = await backbone.open({ kind: "upper", site: { kind: "none", firstLayer: layers - 1 } });
      const own = await HiddenStore.compute(backbone, plain, ids);
      const all = await embed(rest, own, hiddenSize);
      await Promise.all([plain.release(), rest.release()]);
      return all;
    }
  },
);
