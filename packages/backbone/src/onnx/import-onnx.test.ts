import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { float32, type Tensor } from "@kilotune/engine";
import { openNodeSession } from "@kilotune/engine/node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { VisionBackbone } from "../vision/backbone.ts";
import { openVisionBundle } from "../vision/open.ts";
import { importOnnx } from "./import-onnx.ts";

/** Random models exported in several ways, whose first output are the tokens behind the last norm. See goldens/make.py. */
const GOLDENS = fileURLToPath(new URL("./goldens/", import.meta.url));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-onnx-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe.each([
  { name: "dinov2-14", leading: 1, config: { activation: "gelu", mlp: "plain" } },
  { name: "registers-18", leading: 3, config: { activation: "gelu", mlp: "plain" } },
  { name: "gated-17", leading: 1, config: { activation: "silu", mlp: "gated" } },
  { name: "clip-18", leading: 1, config: { activation: "gelu-sigmoid", normsInput: true }, pooled: true },
  { name: "vit-20", leading: 1, config: { activation: "gelu", hasClassToken: true } },
  { name: "fused-17", leading: 0, config: { activation: "gelu-tanh", hasClassToken: false } },
  { name: "fused-18", leading: 0, config: { activation: "gelu-tanh", hasClassToken: false } },
  { name: "decoded-17", leading: 0, config: { activation: "gelu-tanh" } },
])("$name", ({ name, leading, config, pooled = false }) => {
  const file = path.join(GOLDENS, `${name}.onnx`);
  const images = Float32Array.from({ length: 3 * 3 * 12 * 12 }, (_, at) => 2 * Math.sin(at * at));
  const pixels = float32(images, [3, 3, 12, 12]);
  let backbone: VisionBackbone;

  beforeAll(async () => {
    const bundle = path.join(folder, name);
    await importOnnx(file, bundle, { id: name, licence: "MIT" });
    backbone = (await openVisionBundle(bundle, { threads: 1 })) as VisionBackbone;
  });

  it("is taken apart into its blocks", () => {
    expect(backbone.manifest.family).toBe("onnx");
    expect(backbone.manifest.config).toMatchObject({
      ...{ layers: 2, hiddenSize: 16, heads: 2, headDim: 8, patchSize: 4, height: 12, width: 12 },
      ...{ leadingTokens: leading, ...config },
    });
  });

  it("gives without a prompt what ONNX Runtime gives of the original file", async () => {
    const theirs = await original(file, pixels);
    const ours = await features(backbone, pixels);
    const tokens = theirs[0] as Tensor;
    const width = tokens.dims[1] as number;
    const rows = (from: number, to: number) =>
      [0, 1, 2].flatMap((image) =>
        [...(tokens.data as Float32Array)].slice((image * width + from) * 16, (image * width + to) * 16),
      );
    // CLIP's own patches aren't normed; its pooled class token is.
    if (pooled) expect(relativeError(ours.cls, [...(theirs[1] as Tensor).data])).toBeLessThan(1e-5);
    else expect(relativeError(ours.patches, rows(leading, width))).toBeLessThan(1e-5);
    if (leading > 0 && !pooled) expect(relativeError(ours.cls, rows(0, 1))).toBeLessThan(1e-5);
  });

  it("has prompt sites: a prefix changes the features, and has a gradient", async () => {
    const { heads, headDim } = backbone.manifest.config;
    const kv = float32(new Float32Array(2 * 2 * 16).fill(0.5), [1, 2, heads, 2, headDim]);
    const site = { kind: "kv", firstLayer: 1 } as const;
    const lower = await backbone.open({ kind: "lower", site });
    const { hidden } = await lower.run({ pixels });
    await lower.release();
    const tune = await backbone.open({ kind: "tune", site, feature: "mean", dropout: false });
    const results = await tune.run({
      hidden: hidden as Tensor,
      kv,
      prototypes: float32(
        Float32Array.from({ length: 32 }, (_, at) => Math.cos(at)),
        [2, 16],
      ),
      scale: float32([5], []),
      targets: float32([1, 0, 0, 1, 1, 0], [3, 2]),
      weights: float32([1, 1, 1], [3]),
    });
    await tune.release();
    expect(Math.hypot(...(results["grad.kv"]!.data as Float32Array))).toBeGreaterThan(1e-4);
  });
});

describe("says what it looked for where a graph isn't like that", () => {
  it.each([
    ["no-attention", "attentions, each a softmax over tokens [.., S, S]: 0 found"],
    ["no-biased-scores", "something is added to them: a mask or relative positions"],
    ["no-post-norm", "a layer norm in front of the attention (none: normed behind the addition?)"],
    ["no-deep-stem", "one convolution that makes patches of pixels, as wide as its step: 2 convolutions"],
  ])("%s", async (name, looked) => {
    const bundle = path.join(folder, name);
    const failed = await importOnnx(path.join(GOLDENS, `${name}.onnx`), bundle, {
      id: name,
      licence: "MIT",
    }).catch((error: unknown) => error);
    expect(failed).toMatchObject({ code: "no_sites", message: expect.stringContaining(looked) });
    expect(failed).toMatchObject({ hint: expect.stringContaining("prompts on its input") });
    expect(await openVisionBundle(bundle)).toBeUndefined();
  });
});

async function original(file: string, pixels: Tensor): Promise<Tensor[]> {
  const session = await openNodeSession(file, { threads: 1 });
  const results = await session.run({ [session.inputNames[0] as string]: pixels });
  await session.release();
  return session.outputNames.map((name) => results[name] as Tensor);
}

async function features(backbone: VisionBackbone, pixels: Tensor): Promise<Record<string, Tensor>> {
  const site = { kind: "none", firstLayer: 0 } as const;
  const wanted = { cls: backbone.manifest.config.hasClassToken, patches: true };
  const lower = await backbone.open({ kind: "lower", site });
  const { hidden } = await lower.run({ pixels });
  const upper = await backbone.open({ kind: "upper", site, wanted });
  const results = await upper.run({ hidden: hidden as Tensor });
  await Promise.all([lower.release(), upper.release()]);
  return results;
}

function relativeError(ours: Tensor | undefined, theirs: readonly (number | bigint)[]): number {
  expect(ours?.data.length).toBe(theirs.length);
  let [error, norm] = [0, 0];
  theirs.forEach((value, at) => {
    error += (Number(ours?.data[at]) - Number(value)) ** 2;
    norm += Number(value) ** 2;
  });
  return Math.sqrt(error / norm);
}
