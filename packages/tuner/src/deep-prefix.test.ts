import type { Backbone, VisionBackbone } from "@kilotune/backbone";
import { tinyBackbone, tinyVisionBackbone } from "@kilotune/backbone/testing";
import { prng } from "@kilotune/dataset";
import { expect, it } from "vitest";
import { deepOfPrefix, deepPrefix } from "./deep-prefix.ts";
import { normals } from "./prompt-site.ts";
import { WORDS } from "./testing.ts";

// Norms behind the layers, and in front of them.
it.each([
  ["texts", () => tinyBackbone({ words: WORDS })],
  ["images", () => tinyVisionBackbone({})],
] as const)("deep prompts of %s come back from the prefix that they became", async (_, open) => {
  await using tiny = await open();
  const backbone: Backbone | VisionBackbone = tiny.backbone;
  const { layers, hiddenSize } = backbone.manifest.config;
  for (const firstLayer of [0, layers - 1]) {
    const deep = normals(prng(1, "deep"), (layers - firstLayer) * 3 * hiddenSize, 0.5);
    const kv = (await deepPrefix(backbone, firstLayer, deep)).data as Float32Array;
    const like = normals(prng(2, "like"), deep.length, 0.05);
    const back = await deepOfPrefix(backbone, firstLayer, kv, like);
    expect(back).toHaveLength(deep.length);
    const again = (await deepPrefix(backbone, firstLayer, back)).data as Float32Array;
    const furthest = Math.max(...kv.map((value, at) => Math.abs(value - (again[at] as number))));
    expect(furthest / Math.max(...kv.map(Math.abs))).toBeLessThan(2e-3);
  }
});
