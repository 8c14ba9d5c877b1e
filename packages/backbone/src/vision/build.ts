import { writeFile } from "node:fs/promises";
import path from "node:path";
import { encodeOnnx } from "@kilotune/engine";
import { CENTRED, CLIP, IMAGENET, type Preprocessing, preprocessingSha256 } from "@kilotune/image";
import { readJson } from "../bundle/checkpoint-files.ts";
import { WEIGHTS_FILE, weightsIn, writeBundle } from "../bundle/folder.ts";
import { copyWeights, type PlannedWeight, type WrittenWeights } from "../bundle/write-weights.ts";
import { badConfig, object } from "../config-fields.ts";
import { parseDinov2Config } from "../dinov2/config.ts";
import { planDinov2Weights } from "../dinov2/weights.ts";
import { sha256OfFile } from "../download/checksum.ts";
import { parseVitConfig } from "../vit/config.ts";
import { planVitWeights } from "../vit/weights.ts";
import type { ImageSize, VisionConfig } from "./config.ts";
import { buildVisionGraph } from "./graphs.ts";
import { VISION_FORMAT, type VisionManifest } from "./manifest.ts";
import { type ImageDefaults, parsePreprocessor } from "./preprocessing.ts";

export interface VisionAbout {
  readonly id: string;
  readonly licence: string;
  /** Where it is known and verified already; else the file is hashed. */
  readonly weightsSha256?: string;
  /** Images of another size than the checkpoint's own: positions are interpolated. */
  readonly imageSize?: ImageSize;
}

/**
 * Builds a bundle from the folder of a ViT, MAE, CLIP or DINOv2 checkpoint: one weights file that all graphs share, the
 * serving graph and a manifest.
 *
 * @param checkpoint folder with config.json, model.safetensors and optionally preprocessor_config.json
 */
export async function buildVisionBundle(
  checkpoint: string,
  bundle: string,
  about: VisionAbout,
): Promise<void> {
  const json = await readJson(checkpoint, "config.json");
  const found = familyOf(json, about.imageSize);
  const { height, width } = found.config;
  const preprocessor = await readJson(checkpoint, "preprocessor_config.json", "optional");
  const weights = path.join(checkpoint, "model.safetensors");
  await writeVisionBundle(bundle, {
    family: found.family,
    about: { ...about, weightsSha256: about.weightsSha256 ?? (await sha256OfFile(weights)) },
    config: found.config,
    preprocessing: parsePreprocessor(preprocessor, [height, width], found.defaults),
    writeWeights: (to) => copyWeights(weights, to, found.plan),
  });
}

export interface VisionParts {
  readonly family: VisionManifest["family"];
  readonly about: VisionAbout & { readonly weightsSha256: string };
  readonly config: VisionConfig;
  readonly preprocessing: Preprocessing;
  writeWeights(to: string): Promise<WrittenWeights>;
  /** Looks at the bundle in its temporary folder before it stands; throws where it isn't what it should be. */
  check?(folder: string): Promise<void>;
}

export async function writeVisionBundle(bundle: string, parts: VisionParts): Promise<void> {
  const { about, config, preprocessing } = parts;
  await writeBundle(bundle, async (folder): Promise<VisionManifest> => {
    const { header, sizeBytes } = await parts.writeWeights(path.join(folder, WEIGHTS_FILE));
    const wanted = { cls: config.hasClassToken, patches: true };
    const serve = buildVisionGraph({ kind: "serve", wanted }, config, weightsIn(header));
    await writeFile(path.join(folder, "serve.onnx"), encodeOnnx(serve));
    await parts.check?.(folder);
    return {
      format: VISION_FORMAT,
      kind: "vision",
      id: about.id,
      family: parts.family,
      config,
      preprocessing,
      licence: about.licence,
      identity: {
        weightsSha256: about.weightsSha256,
        preprocessingSha256: await preprocessingSha256(preprocessing),
      },
      weightsBytes: sizeBytes,
    };
  });
}

interface Family {
  readonly family: VisionManifest["family"];
  readonly config: VisionConfig;
  readonly defaults: ImageDefaults;
  plan(shapes: ReadonlyMap<string, readonly number[]>): PlannedWeight[];
}

/** A new family is a new case. */
function familyOf(json: unknown, imageSize: ImageSize | undefined): Family {
  const type = object(json, "config.json").model_type;
  switch (type) {
    case "vit":
    case "vit_mae":
    case "clip":
    case "clip_vision_model": {
      const checkpoint = parseVitConfig(json, imageSize);
      const plan: Family["plan"] = (shapes) => planVitWeights(shapes, checkpoint);
      return { family: "vit", config: checkpoint.config, defaults: DEFAULTS[type], plan };
    }
    case "dinov2":
    case "dinov2_with_registers": {
      const checkpoint = parseDinov2Config(json, imageSize);
      const plan: Family["plan"] = (shapes) => planDinov2Weights(shapes, checkpoint);
      return { family: "dinov2", config: checkpoint.config, defaults: DEFAULTS[type], plan };
    }
    default:
      throw badConfig("model_type", Object.keys(DEFAULTS).join(", "), type);
  }
}

/** What transformers' image processors do where the checkpoint doesn't say. */
const DEFAULTS = {
  vit: { ...CENTRED, fit: { kind: "stretch" }, kernel: "linear" },
  vit_mae: { ...IMAGENET, fit: { kind: "stretch" }, kernel: "linear" },
  clip: { ...CLIP, fit: { kind: "crop", share: 1 }, kernel: "cubic" },
  clip_vision_model: { ...CLIP, fit: { kind: "crop", share: 1 }, kernel: "cubic" },
  dinov2: { ...IMAGENET, fit: { kind: "crop", share: 0.875 }, kernel: "cubic" },
  dinov2_with_registers: { ...IMAGENET, fit: { kind: "crop", share: 0.875 }, kernel: "cubic" },
} as const satisfies Record<string, ImageDefaults>;
