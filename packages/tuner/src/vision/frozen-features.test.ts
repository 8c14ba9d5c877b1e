import { tinyVisionBackbone } from "@kilotune/backbone/testing";
import { expect, it } from "vitest";
import { embedImages } from "./embed-images.ts";
import { frozenFeatures } from "./frozen-features.ts";
import { ImageStore } from "./image-store.ts";
import { toyImages } from "./testing.ts";

it("are the unit vectors that a head reads, and the two side by side", async () => {
  await using tiny = await tinyVisionBackbone();
  const { backbone } = tiny;
  const site = { kind: "none", firstLayer: 2 } as const;
  const lower = await backbone.open({ kind: "lower", site });
  const upper = await backbone.open({ kind: "upper", site, wanted: { cls: true, patches: true } });
  const { source } = await toyImages(3);
  const store = ImageStore.open(backbone, lower, source);
  const { cls, mean, both } = await frozenFeatures(upper, store);
  expect(cls).toEqual(await embedImages(upper, store, "cls"));
  expect(mean).toEqual(await embedImages(upper, store, "mean"));
  expect(both).toHaveLength(9 * 32);
  const halves = [both.subarray(32, 48), both.subarray(48, 64)];
  [cls, mean].forEach((of, half) => {
    of.subarray(16, 32).forEach((x, at) => {
      expect(halves[half]![at]! * Math.SQRT2).toBeCloseTo(x, 5);
    });
  });
  expect(await frozenFeatures(upper, store.subset([]))).toMatchObject({ cls: new Float32Array() });
  await Promise.all([lower.release(), upper.release()]);
});
