import { tinyBackbone } from "@kilotune/backbone/testing";
import { prng } from "@kilotune/dataset";
import { expect, it } from "vitest";
import { batchGradients } from "./batch-gradients.ts";
import { splitByLength } from "./data/batches.ts";
import { promptSite } from "./prompt-site.ts";
import { SETTINGS, toyData, toyTexts, WORDS } from "./testing.ts";
import { startTuning } from "./tune.ts";

it("a batch with long rows, in two passes, has the mean of its rows' own gradients", async () => {
  await using tiny = await tinyBackbone({ words: WORDS });
  const { backbone } = tiny;
  const settings = { ...SETTINGS, dropout: 0 };
  const site = promptSite(settings, backbone.manifest);
  const lower = await backbone.open({ kind: "lower", firstLayer: 1 });
  const plain = await backbone.open({ kind: "upper", site: { kind: "none", firstLayer: 1 } });
  const session = await backbone.open({ kind: "tune", site: site.site, dropout: false });
  const long = [0, 1].map((label) => ({ text: "please help now about my card ".repeat(2 + label), label }));
  const { data, prototypes } = await toyData(backbone, lower, plain, [...toyTexts(4), ...long]);
  const state = startTuning(settings, backbone, prototypes);
  const context = { settings, site, backbone, session, data, masks: undefined };
  const { lengths } = data.store;
  const batch = [...lengths.keys()].sort((a, b) => lengths[a]! - lengths[b]!);
  expect(splitByLength(batch, lengths)).toHaveLength(2);

  const whole = await batchGradients(context, state, batch, prng(0));
  const alone: Awaited<ReturnType<typeof batchGradients>>[] = [];
  for (const row of batch) alone.push(await batchGradients(context, state, [row], prng(0)));
  const mean = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0) / numbers.length;
  expect(whole.loss).toBeCloseTo(mean(alone.map(({ loss }) => loss)), 5);
  for (const name of ["prompt", "prototypes"] as const) {
    whole[name].forEach((value, i) => {
      expect(value).toBeCloseTo(mean(alone.map((each) => each[name][i]!)), 6);
    });
  }
  await Promise.all([lower, plain, session].map((each) => each.release()));
});
