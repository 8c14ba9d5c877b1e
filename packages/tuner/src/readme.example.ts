import type { Backbone } from "@kilotune/backbone";
import {
  chooseSettings,
  classMeans,
  embed,
  HiddenStore,
  openLinearSession,
  runTuning,
} from "@kilotune/tuner";

export async function learn(backbone: Backbone, texts: readonly string[], labels: Int32Array) {
  const { hiddenSize } = backbone.manifest.config;
  const classes = Math.max(...labels) + 1;
  const settings = chooseSettings(backbone.manifest, { method: "kv", trainRows: texts.length, seed: 0 });
  const { firstLayer } = settings;
  const lower = await backbone.open({ kind: "lower", firstLayer });
  const plain = await backbone.open({ kind: "upper", site: { kind: "none", firstLayer } });
  const linear = await openLinearSession(backbone.openGraph, hiddenSize);
  const ids = texts.map((text) => backbone.tokenizer.encode(text).ids);
  const store = await HiddenStore.compute(backbone, lower, ids); // the frozen layers, once a row
  const prototypes = classMeans(await embed(plain, store, hiddenSize), labels, classes, hiddenSize);
  const data = { store, labels, classes };
  const learnt = await runTuning({ settings, backbone, linear, data, prototypes });
  await Promise.all([lower, plain, linear].map((session) => session.release()));
  return learnt; // { end: "done", prompt, prototypes, epoch, curve }
}
