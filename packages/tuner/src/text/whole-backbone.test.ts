import type { Backbone } from "@kilotune/backbone";
import { type TinyBackbone, tinyBackbone } from "@kilotune/backbone/testing";
import type { Tensor } from "@kilotune/engine";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openLinearSession } from "../head/linear-session.ts";
import { runTuning } from "../run-tuning.ts";
import { SETTINGS, toyData, toyTexts, WORDS } from "../testing.ts";
import { wholeAccuracy, wholeClassification } from "./whole-backbone.ts";

let tiny: TinyBackbone;
let backbone: Backbone;
beforeAll(async () => {
  tiny = await tinyBackbone({ words: WORDS });
  backbone = tiny.backbone;
});
afterAll(() => tiny[Symbol.asyncDispose]());

const SETTINGS_OF_ALL = {
  ...SETTINGS,
  epochs: 20,
  promptLearningRate: 1e-2,
  headLearningRate: 1e-2,
};

it("all weights learn: the loss falls, and held-out rows are answered by weights as learnt", async () => {
  const weights = await backbone.weights();
  const { data, prototypes, ids } = await rowsOf("train");
  const held = await rowsOf("held out");
  const linear = await openLinearSession(backbone.openGraph, backbone.manifest.config.hiddenSize);
  const given = new Map([...weights].map(([name, { data: numbers }]) => [name, numbers.slice()]));
  const task = wholeClassification(backbone, SETTINGS_OF_ALL, weights, { ...data, ids }, prototypes);
  const { labels } = held.data;
  const run = await runTuning({
    settings: SETTINGS_OF_ALL,
    task,
    validation: wholeAccuracy(backbone, weights, linear, ids, { ids: held.ids, labels }),
  });
  await linear.release();
  const losses = run.curve.map(({ loss }) => loss);
  expect(losses.at(-1)).toBeLessThan(losses[0]! * 0.7);
  expect(run.curve.at(-1)?.validationAccuracy).toBeGreaterThan(0.5);
  // Each weight moved, but for those of a key's bias, which a softmax can't see; what was given stays.
  for (const [name, tensor] of weights) {
    expect(tensor.data).toEqual(given.get(name));
    const learnt = run.head[`weight.${name}`] as Float32Array;
    if (!name.endsWith("key.bias")) expect(learnt).not.toEqual(task.head[`weight.${name}` as never]);
  }
  const words = (task.head as Record<string, Tensor>)["weight.embeddings.word"]!;
  expect(words.dims[0]).toBe(new Set(ids.flatMap((row) => [...row])).size);
});

it("refuses a backbone of more than 50 million weights", async () => {
  const { data, prototypes, ids } = await rowsOf("train");
  const large: Tensor = { type: "float32", dims: [50_000, 1_001], data: new Float32Array() };
  expect(() =>
    wholeClassification(
      backbone,
      SETTINGS_OF_ALL,
      new Map([["layer.0", large]]),
      { ...data, ids },
      prototypes,
    ),
  ).toThrow(expect.objectContaining({ code: "not_tunable" }));
});

async function rowsOf(stream: string) {
  const lower = await backbone.open({ kind: "lower", firstLayer: 1 });
  const plain = await backbone.open({ kind: "upper", site: { kind: "none", firstLayer: 1 } });
  const texts = toyTexts(8, 3, stream);
  const toy = await toyData(backbone, lower, plain, texts);
  await Promise.all([lower, plain].map((session) => session.release()));
  return { ...toy, ids: toy.data.store.rows };
}
