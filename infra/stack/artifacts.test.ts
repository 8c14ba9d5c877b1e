import { rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { fakeArtifacts } from "../../test/infra/artifacts.fixtures.ts";
import { type Artifacts, artifactsIn } from "./artifacts.ts";

let folder: string;
let built: Artifacts;
beforeEach(() => {
  folder = fakeArtifacts();
  built = artifactsIn(folder);
});
afterEach(() => rm(folder, { recursive: true }));

it.each([
  ["functions/publish.zip", "npm run package"],
  ["layers/layers.json", "npm run layer -- build"],
  ["layers/onnxruntime-arm64.zip", "npm run layer -- build"],
  ["images.json", "npm run image -- push"],
])("says how to make %s where it's missing", async (file, command) => {
  await rm(path.join(folder, file));
  const use = () => {
    built.functionZip("publish");
    built.layerZip("onnxruntime-arm64", "arm64");
    built.imageByDigest("job-cpu");
  };
  expect(use).toThrow(`${path.join(folder, file)}, there is none. Make it with \`${command}\``);
});

it("refuses a layer of the wrong architecture", async () => {
  expect(() => built.layerZip("onnxruntime-arm64", "x64")).toThrow(
    "The layer onnxruntime-arm64: expected one for x64, saw arm64.",
  );
});

it("refuses a layer that isn't the one that was checked", async () => {
  await writeFile(path.join(folder, "layers/onnxruntime-arm64.zip"), "another");
  expect(() => built.layerZip("onnxruntime-arm64", "arm64")).toThrow("isn't what layers.json says");
});

it("refuses layers without a backbone, and of another format", async () => {
  const write = (layers: object) =>
    writeFile(path.join(folder, "layers/layers.json"), JSON.stringify(layers));
  await write({ format: "kilotune.layers/1", layers: [] });
  expect(() => built.backbones()).toThrow("Expected a backbone in layers.json, there is none.");
  await write({ format: "kilotune.layers/2", layers: [] });
  expect(() => built.backbones()).toThrow('expected the format kilotune.layers/1, saw "kilotune.layers/2"');
});

it.each([
  ["nothing", undefined],
  ["a tag", "123456789012.dkr.ecr.us-east-1.amazonaws.com/jobs:latest"],
  ["half a digest", "jobs@sha256:abc"],
])("refuses %s for an image's digest", async (_, image) => {
  await writeFile(path.join(folder, "images.json"), JSON.stringify({ images: { "job-cpu": image } }));
  expect(() => built.imageByDigest("job-cpu")).toThrow(
    /expected job-cpu as <repository>@sha256:<digest>, saw/,
  );
});
