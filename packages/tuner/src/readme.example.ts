import type { Backbone } from "@kilotune/backbone";
import {
  chooseSettings,
  classMeans,
  embed,
  HiddenStore,
  runTuning,
  textClassification,
} from "@kilotune/tuner";

export async function learn(backbone: Backbone, texts: readonly string[], labels: Int32Array) {
  const { hiddenSize } = backbone.manifest.config;
  const classes = Math.max(...labels) + 1;
  const settings = chooseSettings(backbone.manifest, { method: "kv", trainRows: texts.length, seed: 0 });
  const { firstLayer } = settings;
  const lower = await backbone.open({ kind: "lower", firstLayer });
  const plain = await backbone.open({ kind: "upper", site: { kind: "none", firstLayer } });
  const ids = texts.map((text) => backbone.tokenizer.encode(text).ids);
  const store = await HiddenStore.compute(backbone, lower, ids); // the frozen layers, once a row
  const prototypes = classMeans(await embed(plain, store, hiddenSize), labels, classes, hiddenSize);
  const data = { store, labels, classes };
  const task = textClassification(backbone, settings, data, prototypes);
  const learnt = await runTuning({ settings, task });
  await Promise.all([lower, plain].map((session) => session.release()));
  return learnt; // { end: "done", prompt, head: { prototypes }, epoch, curve }
}
