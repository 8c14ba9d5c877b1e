import { tinyBackbone } from "@kilotune/backbone/testing";
import { prng } from "@kilotune/dataset";
import { expect, it } from "vitest";
import { batchGradients } from "./batch-gradients.ts";
import { splitByLength } from "./data/batches.ts";
import type { Learnt } from "./task.ts";
import { SETTINGS, toyData, toyTexts, WORDS } from "./testing.ts";
import { textClassification } from "./text/classification.ts";
import { learntOf, startTuning } from "./tune.ts";

it("a batch with long rows, in two passes, has the mean of its rows' own gradients", async () => {
  await using tiny = await tinyBackbone({ words: WORDS });
  const { backbone } = tiny;
  const settings = { ...SETTINGS, dropout: 0 };
  const lower = await backbone.open({ kind: "lower", firstLayer: 1 });
  const plain = await backbone.open({ kind: "upper", site: { kind: "none", firstLayer: 1 } });
  const long = [0, 1].map((label) => ({ text: "please help now about my card ".repeat(2 + label), label }));
  const { data, prototypes } = await toyData(backbone, lower, plain, [...toyTexts(4), ...long]);
  const task = textClassification(backbone, settings, data, prototypes);
  const session = await task.open({ dropout: false });
  const learnt = learntOf(startTuning(settings, task));
  const context = { task, session, masks: undefined };
  const { lengths } = data.store;
  const batch = [...lengths.keys()].sort((a, b) => lengths[a]! - lengths[b]!);
  expect(splitByLength(batch, lengths)).toHaveLength(2);

  const whole = await batchGradients(context, learnt, batch, 0, prng(0));
  const alone: Awaited<ReturnType<typeof batchGradients>>[] = [];
  for (const row of batch) alone.push(await batchGradients(context, learnt, [row], 0, prng(0)));
  const mean = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0) / numbers.length;
  expect(whole.loss).toBeCloseTo(mean(alone.map(({ loss }) => loss)), 5);
  for (const of of [({ prompt }: Learnt) => prompt, ({ head }: Learnt) => head.prototypes!]) {
    of(whole).forEach((value, i) => {
      expect(value).toBeCloseTo(mean(alone.map((each) => of(each)[i]!)), 6);
    });
  }
  await Promise.all([lower, plain, session].map((each) => each.release()));
});
