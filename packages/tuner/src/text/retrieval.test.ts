import { tinyBackbone } from "@kilotune/backbone/testing";
import { expect, it } from "vitest";
import { HiddenStore } from "../data/hidden-store.ts";
import { runTuning } from "../run-tuning.ts";
import { SETTINGS, toyTexts, WORDS } from "../testing.ts";
import { retrievalPrecision, textRetrieval } from "./retrieval.ts";

it("brings texts of a group together, pairs or single ones: the loss falls, and precision doesn't", async () => {
  await using tiny = await tinyBackbone({ words: WORDS });
  const { backbone } = tiny;
  const lower = await backbone.open({ kind: "lower", firstLayer: 1 });
  const grouped = async (stream: string) => {
    const rows = toyTexts(8, 4, stream);
    const ids = rows.map(({ text }) => backbone.tokenizer.encode(text).ids);
    const store = await HiddenStore.compute(backbone, lower, ids);
    return { store, groups: Int32Array.from(rows, ({ label }) => label) };
  };
  const [train, test] = [await grouped("train"), await grouped("test")];
  const settings = { ...SETTINGS, epochs: 12, batchSize: 16, promptLearningRate: 0.1, dropout: 0 };
  const count = train.groups.length;
  for (const texts of [
    Array.from({ length: count }, (_, row) => [row]),
    // Rows of two: a text and another of its group, four places on.
    Array.from({ length: count - 4 }, (_, row) => [row, row + 4]),
  ]) {
    const task = textRetrieval(backbone, settings, { ...train, texts });
    const { prompt, head, curve } = await runTuning({ settings, task });
    expect(head).toEqual({});
    expect(curve.at(-1)!.loss).toBeLessThan(curve[0]!.loss);
    const meter = await retrievalPrecision(backbone, settings, test, train).open();
    const untuned = await meter.measure({ prompt: task.site!.start({ normal: () => 0 } as never), head });
    expect(await meter.measure({ prompt, head })).toBeGreaterThan(untuned - 0.05);
    await meter.release();
  }
  await lower.release();
});
