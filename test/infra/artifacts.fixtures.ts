import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { FUNCTIONS } from "../../packages/aws/src/functions/functions.ts";

const MINILM = {
  id: "minilm-l6",
  object: "backbone",
  title: "MiniLM",
  licence: "Apache-2.0",
  tasks: ["classify", "embeddings"],
  hidden_size: 384,
  max_tokens: 512,
  created: 1_790_000_000,
  layers: 6,
};

const VIT = {
  ...MINILM,
  id: "vit-s14-saliency",
  title: "ViT",
  tasks: ["classify", "segment", "detect"],
  input: "image",
  max_tokens: null,
  layers: 12,
};
const KNOWN: Readonly<Record<string, object>> = { "minilm-l6": MINILM, "vit-s14-saliency": VIT };

/** A folder like out/aws after all builds, with a few bytes for each zip: the stack reads hashes, not code. */
export function fakeArtifacts({
  architecture = "arm64",
  home = "layer",
  backbones = ["minilm-l6"],
} = {}): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), "kilotune-artifacts-"));
  mkdirSync(path.join(folder, "functions"));
  mkdirSync(path.join(folder, "layers"));
  for (const name of Object.keys(FUNCTIONS)) writeFileSync(path.join(folder, `functions/${name}.zip`), name);
  const layer = (name: string, kind: string, architectures: readonly string[]) => {
    writeFileSync(path.join(folder, `layers/${name}.zip`), name);
    const sha256 = createHash("sha256").update(name).digest("hex");
    const common = { name, contentSha256: sha256, unzippedBytes: 5, architectures, about: name };
    return kind === "image" ? { kind, ...common } : { kind, ...common, zipSha256: sha256, zipBytes: 5 };
  };
  const layers = [
    layer("onnxruntime-arm64", "layer", [architecture]),
    ...(backbones.includes("vit-s14-saliency") ? [layer("sharp-arm64", "layer", [architecture])] : []),
    ...backbones.map((id) => ({
      ...layer(`backbone-${id}`, home, ["arm64", "x64"]),
      backbone: KNOWN[id] ?? { ...MINILM, id },
    })),
  ];
  const write = (file: string, value: object) =>
    writeFileSync(path.join(folder, file), JSON.stringify(value));
  write("layers/layers.json", { format: "kilotune.layers/1", layers });
  const image = (name: string) =>
    `123456789012.dkr.ecr.us-east-1.amazonaws.com/${name}@sha256:${createHash("sha256").update(name).digest("hex")}`;
  write("images.json", {
    images: {
      "job-cpu": image("kilotune-job-cpu"),
      "job-gpu": image("kilotune-job-gpu"),
      "infer-minilm-l6": image("kilotune-infer"),
    },
  });
  return folder;
}
