import { createHash } from "node:crypto";
import { realpath, stat } from "node:fs/promises";
import path from "node:path";
import { isCodedError, KilotuneError } from "@kilotune/contract";
import { readJson, readText } from "../bundle/checkpoint-files.ts";
import { sha256OfFile } from "../download/checksum.ts";
import { pullBackbone } from "../download/pull-backbone.ts";
import type { FrozenBackbone } from "../frozen/backbone.ts";
import { bundleFolder, isPath, type LoadOptions, otherKind } from "../load.ts";
import { findBackbone } from "../registry/backbones.ts";
import type { VisionBackbone } from "./backbone.ts";
import { type ImageSize, VISION_TYPES } from "./config.ts";
import { openVisionBundle } from "./open.ts";

export interface VisionLoadOptions extends LoadOptions {
  /** Images of another size than a checkpoint's own: its positions are interpolated. Of an exported file, where it leaves it open. */
  readonly imageSize?: ImageSize;
  /** Of a file that is no transformer, when it is built: why it isn't taken for one. */
  readonly onGraph?: (looked: string) => void;
}

/**
 * The one way to a vision backbone: a known id is fetched and verified, a folder is a checkpoint of a known family, a file is
 * an exported transformer, or any other graph, whose levels are the patches then; each is built into a bundle once, and opened.
 *
 * @param name a known id ("vit-s14-saliency"), or a path, which has a "/" or a "." in front
 */
export async function loadVisionBackbone(name: string, options: VisionLoadOptions): Promise<VisionBackbone> {
  const { bundle, build } = await placeOf(name, options);
  const standing = await openVisionBundle(bundle, options);
  if (standing !== undefined) return standing;
  options.onBuild?.(bundle);
  await build();
  const built = await openVisionBundle(bundle, options);
  if (built === undefined) throw new Error(`a bundle was built in ${bundle} and isn't there`);
  return built;
}

/** Where the bundle of what `loadVisionBackbone` opened lies, for another process to open it. */
export async function visionBundleOf(name: string, options: VisionLoadOptions): Promise<string> {
  return (await placeOf(name, options)).bundle;
}

interface Place {
  readonly bundle: string;
  /** Loads its code when needed: whoever finds the bundle built must not pay for it at every start. */
  build(): Promise<void>;
}

async function placeOf(name: string, options: VisionLoadOptions): Promise<Place> {
  if (!isPath(name)) return ofKnown(name, options);
  const seen = await stat(name).catch((cause: Error) => {
    throw new KilotuneError(
      "missing_file",
      `expected a checkpoint's folder or an .onnx file at ${name}: ${cause.message}`,
      "Give a known id (kilotune backbone list), a folder with config.json and model.safetensors, or an .onnx file.",
      { cause },
    );
  });
  return seen.isDirectory() ? ofFolder(name, options) : ofFile(name, options);
}

function ofKnown(id: string, options: VisionLoadOptions): Place {
  const known = findBackbone(id);
  const file = known.files.at(-1);
  if (known.kind !== "vision" || file === undefined)
    throw otherKind(id, "texts", "a vision backbone, such as vit-s14-saliency");
  const own = bundleFolder(options.cache, id);
  const build = async () => {
    const { importOnnx } = await import("../onnx/import-onnx.ts");
    const source = path.join(await pullBackbone(id, options), file.name);
    const { licence, preprocessing } = known;
    const about = { id, licence, weightsSha256: file.sha256, ...(preprocessing && { preprocessing }) };
    await importOnnx(source, own, about);
  };
  const { imageSize, ...rest } = options;
  if (imageSize === undefined || imageSize.join() === known.imageSize?.join()) return { bundle: own, build };
  const bundle = bundleFolder(options.cache, `${id}-${imageSize.join("x")}`);
  return {
    bundle,
    build: async () => {
      const { manifest } = await loadVisionBackbone(id, rest);
      await (await import("./resize-bundle.ts")).resizeVisionBundle(own, manifest, bundle, imageSize);
    },
  };
}

/** A user's folder may be read-only and may change, so its bundle lies in the cache, under a hash of all that goes into it. */
async function ofFolder(folder: string, options: VisionLoadOptions): Promise<Place> {
  const weightsSha256 = await sha256OfFile(path.join(folder, "model.safetensors"));
  const id = path.basename(await realpath(folder));
  const texts = [
    await readText(folder, "config.json"),
    await readText(folder, "preprocessor_config.json", "optional"),
  ];
  const { imageSize } = options;
  const bundle = contentFolder(options, [id, weightsSha256, texts, imageSize]);
  const about = { id, licence: "unknown", weightsSha256, ...(imageSize && { imageSize }) };
  const build = async () => (await import("./build.ts")).buildVisionBundle(folder, bundle, about);
  return { bundle, build };
}

/**
 * An exported graph of any kind, left as it is, for prompts on its input and on its stages' channels: a detector of the YOLO
 * family, a residual network, a transformer whose blocks weren't recognised.
 */
export async function loadFrozenGraph(file: string, options: VisionLoadOptions): Promise<FrozenBackbone> {
  const { bundle, about } = await describeFile("frozen", file, options);
  const { openFrozenBundle } = await import("../frozen/backbone.ts");
  const standing = await openFrozenBundle(bundle, options);
  if (standing !== undefined) return standing;
  options.onBuild?.(bundle);
  await (await import("../frozen/import-frozen.ts")).importFrozen(file, bundle, about);
  const built = await openFrozenBundle(bundle, options);
  if (built === undefined) throw new Error(`a bundle was built in ${bundle} and isn't there`);
  return built;
}

/** Whether a checkpoint's folder or file is one of images, by its name and its config.json alone. */
export async function isVisionCheckpoint(place: string): Promise<boolean> {
  if (place.endsWith(".onnx")) return true;
  const config = await readText(place, "config.json", "optional").catch(() => undefined);
  const type = config === undefined ? undefined : /"model_type"\s*:\s*"([a-z0-9_]+)"/.exec(config)?.[1];
  return type !== undefined && VISION_TYPES.includes(type);
}

async function ofFile(file: string, options: VisionLoadOptions): Promise<Place> {
  const { bundle, about } = await describeFile("vision", file, options);
  const build = async () => {
    try {
      await (await import("../onnx/import-onnx.ts")).importOnnx(file, bundle, about);
    } catch (error) {
      if (!isCodedError(error) || error.code !== "no_sites") throw error;
      options.onGraph?.(error.message);
      await (await import("../frozen/import-frozen.ts")).importFrozen(file, bundle, about);
    }
  };
  return { bundle, build };
}

async function describeFile(kind: string, file: string, options: VisionLoadOptions) {
  const weightsSha256 = await sha256OfFile(file);
  const id = path.basename(file, ".onnx");
  const { imageSize } = options;
  const preprocessor = await readJson(path.dirname(file), "preprocessor_config.json", "optional");
  return {
    bundle: contentFolder(options, [id, weightsSha256, preprocessor, imageSize], kind),
    about: { id, licence: "unknown", weightsSha256, preprocessor, ...(imageSize && { imageSize }) },
  };
}

function contentFolder({ cache }: LoadOptions, content: unknown, kind = "vision"): string {
  const hash = createHash("sha256").update(JSON.stringify(content)).digest("hex");
  return bundleFolder(cache, `${kind}-${hash.slice(0, 16)}`);
}
