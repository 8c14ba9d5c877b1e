import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { float32 } from "@kilotune/engine";
import { afterAll, beforeAll, expect, it } from "vitest";
import { loadBackbone } from "../load.ts";
import { isVisionCheckpoint, loadFrozenGraph, loadVisionBackbone, visionBundleOf } from "./load.ts";
import { openVisionBundle } from "./open.ts";
import { resizeVisionBundle } from "./resize-bundle.ts";

const GOLDENS = fileURLToPath(new URL("./goldens/", import.meta.url));
const ONNX = fileURLToPath(new URL("../onnx/goldens/", import.meta.url));

let cache: string;
beforeAll(async () => {
  cache = await mkdtemp(path.join(os.tmpdir(), "kilotune-vision-load-"));
});
afterAll(() => rm(cache, { recursive: true }));

const options = () => ({ cache, hub: "http://127.0.0.1:9", threads: 1 });

it("a folder is built once a size, and another size is another backbone, by its preprocessing hash (known fault 40)", async () => {
  const folder = path.join(GOLDENS, "dinov2");
  const built: string[] = [];
  const load = (imageSize?: readonly [number, number]) =>
    loadVisionBackbone(folder, {
      ...options(),
      ...(imageSize && { imageSize }),
      onBuild: (bundle) => built.push(bundle),
    });
  const [first, again, larger] = [await load(), await load(), await load([16, 20])];
  expect(new Set(built).size).toBe(2);
  expect(again.manifest).toEqual(first.manifest);
  expect(larger.manifest.config).toMatchObject({ height: 16, width: 20 });
  expect(larger.manifest.preprocessing).toMatchObject({
    height: 16,
    width: 20,
    fit: { kind: "crop", share: 0.875 },
  });
  expect(larger.manifest.identity.weightsSha256).toBe(first.manifest.identity.weightsSha256);
  expect(larger.manifest.identity.preprocessingSha256).not.toBe(first.manifest.identity.preprocessingSha256);
});

it("a standing bundle of another size has the features of one that was built at that size", async () => {
  const folder = path.join(GOLDENS, "dinov2");
  const own = await loadVisionBackbone(folder, options());
  const built = await loadVisionBackbone(folder, { ...options(), imageSize: [16, 20] });
  const from = await visionBundleOf(folder, options());
  const bundle = path.join(cache, "resized");
  await resizeVisionBundle(from, own.manifest, bundle, [16, 20]);
  const resized = await openVisionBundle(bundle, { threads: 1 });
  expect(resized?.manifest).toEqual(built.manifest);
  const pixels = float32(
    Float32Array.from({ length: 3 * 16 * 20 }, (_, at) => Math.sin(at)),
    [1, 3, 16, 20],
  );
  const site = { kind: "none", firstLayer: 2 } as const;
  const [ours, theirs] = await Promise.all(
    [resized!, built].map(async (backbone) => {
      const lower = await backbone.open({ kind: "lower", site });
      const { hidden } = await lower.run({ pixels });
      await lower.release();
      return hidden!.data as Float32Array;
    }),
  );
  expect(Math.max(...ours!.map((x, at) => Math.abs(x - theirs![at]!)))).toBeLessThan(1e-5);
  await expect(resizeVisionBundle(from, own.manifest, bundle, [16, 21])).rejects.toMatchObject({
    code: "bad_config",
    message: expect.stringContaining("such as 20"),
  });
});

it("an .onnx file is one too, of its own size alone", async () => {
  const file = path.join(ONNX, "vit-20.onnx");
  expect((await loadVisionBackbone(file, options())).manifest).toMatchObject({
    id: "vit-20",
    family: "onnx",
  });
  await expect(loadVisionBackbone(file, { ...options(), imageSize: [16, 16] })).rejects.toThrow(
    "vit-20.onnx is exported for images of 12 x 12; asked for 16 x 16.",
  );
  expect((await loadFrozenGraph(file, options())).manifest).toMatchObject({ id: "vit-20", family: "graph" });
});

it("an .onnx file that leaves its images' size open is built for the size asked for", async () => {
  const file = path.join(ONNX, "open-17.onnx");
  const failed = loadVisionBackbone(file, options());
  await expect(failed).rejects.toMatchObject({
    code: "bad_config",
    message: "open-17.onnx reads images of any size.",
    hint: expect.stringContaining("--size"),
  });
  const { manifest } = await loadVisionBackbone(file, { ...options(), imageSize: [12, 12] });
  expect(manifest.config).toMatchObject({ height: 12, width: 12, layers: 1 });
  expect(manifest.preprocessing).toMatchObject({ height: 12, width: 12 });
});

it("texts and images are told apart", async () => {
  await expect(loadBackbone("vit-s14-saliency", options())).rejects.toMatchObject({ code: "wrong_backbone" });
  await expect(loadVisionBackbone("minilm-l6", options())).rejects.toMatchObject({ code: "wrong_backbone" });
  await expect(loadVisionBackbone("./nothing", options())).rejects.toMatchObject({ code: "missing_file" });
  expect(await isVisionCheckpoint(path.join(GOLDENS, "clip"))).toBe(true);
  expect(await isVisionCheckpoint(fileURLToPath(new URL("../bert/goldens/tiny", import.meta.url)))).toBe(
    false,
  );
  expect(await isVisionCheckpoint("yolo26n.onnx")).toBe(true);
});

it("a site, a tap or a class token that isn't there is refused in words", async () => {
  const vit = await loadVisionBackbone(path.join(GOLDENS, "vit"), options());
  await expect(vit.open({ kind: "prefix", firstLayer: 3 })).rejects.toThrow(
    "a first layer from 0 to 2; seen: 3",
  );
  await expect(vit.open({ kind: "serve", wanted: { taps: [3] } })).rejects.toThrow(
    "taps behind 1 to 2 layers; seen: 3",
  );
  const fused = await loadVisionBackbone(path.join(ONNX, "fused-18.onnx"), options());
  const wanted = { kind: "serve", wanted: { cls: true } } as const;
  await expect(fused.open(wanted)).rejects.toThrow("it has no class token");
});
