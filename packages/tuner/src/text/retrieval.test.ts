import { tinyBackbone } from "@kilotune/backbone/testing";
import { expect, it } from "vitest";
import { HiddenStore } from "../data/hidden-store.ts";
import { runTuning } from "../run-tuning.ts";
import { SETTINGS, toyTexts, WORDS } from "../testing.ts";
import { embed } from "../embed.ts";
import { promptFeed, promptSite } from "../prompt-site.ts";
import { areManyOfAGroup, textProxies } from "./proxies.ts";
import { type GroupedTexts, retrievalPrecision, textRetrieval } from "./retrieval.ts";

it("brings texts of a group together, pairs, single ones or by proxies: the loss falls, and precision doesn't", async () => {
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
  const ways = {
    single: (data: Omit<GroupedTexts, "texts">) =>
      textRetrieval(backbone, settings, { ...data, texts: Array.from({ length: count }, (_, row) => [row]) }),
    // Rows of two: a text and another of its group, four places on.
    pairs: (data: Omit<GroupedTexts, "texts">) =>
      textRetrieval(backbone, settings, {
        ...data,
        texts: Array.from({ length: count - 4 }, (_, row) => [row, row + 4]),
      }),
    // Groups go by any numbers.
    proxies: ({ store, groups }: Omit<GroupedTexts, "texts">) =>
      textProxies(backbone, settings, { store, groups: groups.map((group) => 7 * group + 3) }, vectors),
  };
  const site = promptSite(settings, backbone.manifest);
  const none = site.start({ normal: () => 0 } as never);
  const upper = await backbone.open({ kind: "upper", site: site.site });
  const { hiddenSize } = backbone.manifest.config;
  const vectors = await embed(upper, train.store, hiddenSize, promptFeed(site, none));
  const meter = await retrievalPrecision(backbone, settings, test, train).open();
  const untuned = await meter.measure({ prompt: none, head: {} });
  for (const [name, way] of Object.entries(ways)) {
    const { prompt, head, curve } = await runTuning<string>({ settings, task: way(train) });
    expect(Object.keys(head)).toEqual(name === "proxies" ? ["prototypes"] : []);
    expect(curve.at(-1)!.loss).toBeLessThan(curve[0]!.loss);
    expect(await meter.measure({ prompt, head })).toBeGreaterThan(untuned - 0.05);
  }
  await Promise.all([meter, upper].map((opened) => opened.release()));
  await lower.release();
});

it("has proxies where groups have thirty texts and more, on average", () => {
  expect(areManyOfAGroup(Int32Array.from({ length: 60 }, (_, row) => row % 2))).toBe(true);
  expect(areManyOfAGroup(Int32Array.from({ length: 59 }, (_, row) => row % 2))).toBe(false);
});
