import { rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { fakeArtifacts } from "../../test/infra/artifacts.fixtures.ts";

let folder: string;
beforeEach(() => {
  folder = fakeArtifacts();
  vi.resetModules();
  vi.stubEnv("KILOTUNE_ARTIFACTS", folder);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

/** It looks where the environment says when it's loaded. */
const artifacts = () => import("./artifacts.ts");

it.each([
  ["functions/publish.zip", "npm run package"],
  ["layers/layers.json", "npm run layer -- build"],
  ["layers/onnxruntime-arm64.zip", "npm run layer -- build"],
  ["images.json", "npm run image -- push"],
])("says how to make %s where it's missing", async (file, command) => {
  await rm(path.join(folder, file));
  const { functionZip, layerZip, imageByDigest } = await artifacts();
  const use = () => {
    functionZip("publish");
    layerZip("onnxruntime-arm64", "arm64");
    imageByDigest("job-cpu");
  };
  expect(use).toThrow(`${path.join(folder, file)}, there is none. Make it with \`${command}\``);
});

it("refuses a layer of the wrong architecture", async () => {
  const { layerZip } = await artifacts();
  expect(() => layerZip("onnxruntime-arm64", "x64")).toThrow(
    "The layer onnxruntime-arm64: expected one for x64, saw arm64.",
  );
});

it("refuses a layer that isn't the one that was checked", async () => {
  await writeFile(path.join(folder, "layers/onnxruntime-arm64.zip"), "another");
  const { layerZip } = await artifacts();
  expect(() => layerZip("onnxruntime-arm64", "arm64")).toThrow("isn't what layers.json says");
});

it("refuses layers without a backbone, and of another format", async () => {
  const write = (layers: object) =>
    writeFile(path.join(folder, "layers/layers.json"), JSON.stringify(layers));
  const { builtBackbones } = await artifacts();
  await write({ format: "kilotune.layers/1", layers: [] });
  expect(() => builtBackbones()).toThrow("Expected a backbone in layers.json, there is none.");
  await write({ format: "kilotune.layers/2", layers: [] });
  expect(() => builtBackbones()).toThrow('expected the format kilotune.layers/1, saw "kilotune.layers/2"');
});

it.each([
  ["nothing", undefined],
  ["a tag", "123456789012.dkr.ecr.us-east-1.amazonaws.com/jobs:latest"],
  ["half a digest", "jobs@sha256:abc"],
])("refuses %s for an image's digest", async (_, image) => {
  await writeFile(path.join(folder, "images.json"), JSON.stringify({ images: { "job-cpu": image } }));
  const { imageByDigest } = await artifacts();
  expect(() => imageByDigest("job-cpu")).toThrow(/expected job-cpu as <repository>@sha256:<digest>, saw/);
});
