import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import {
  type BackboneManifest,
  bundleOf,
  graphFile,
  isVisionCheckpoint,
  KNOWN_BACKBONES,
  type LoadOptions,
  loadBackbone,
  loadVisionBackbone,
  openBundle,
  openVisionBundle,
  type VisionManifest,
  visionBundleOf,
} from "@kilotune/backbone";
import { KilotuneError } from "@kilotune/contract";
import { type Content, contentOf, measure } from "./content.ts";

export interface BackboneContent {
  readonly id: string;
  readonly manifest: BackboneManifest | VisionManifest;
  readonly content: Content;
}

/**
 * What a function needs of a backbone, below /opt/kilotune/backbone: weights, tokenizer of texts, manifest and the graph that serves.
 * The others point into the same weights and are built in memory where somebody asks for them. `files.json` beside them
 * holds everybody's SHA-256.
 *
 * @param folder of its bundle
 * @throws KilotuneError `missing_bundle`, `bad_bundle`
 */
export async function backboneContent(folder: string): Promise<BackboneContent> {
  const manifest = await manifestOf(folder);
  const names = (await readdir(folder)).filter((name) => !name.endsWith(".tmp"));
  const serve = graphFile({ kind: "serve" });
  const wanted = names.filter((name) => !name.endsWith(".onnx") || name === serve);
  if (!wanted.includes(serve)) throw missingBundle(folder, `it lacks ${serve}`);
  const own = await measure(wanted.map((name) => ({ path: name, source: path.join(folder, name) })));
  const listed = {
    format: "kilotune.backbone-files/1",
    id: manifest.id,
    files: own.files.map(({ path: name, sizeBytes, sha256 }) => ({ name, sizeBytes, sha256 })),
  };
  const list = await measure([
    { path: "files.json", source: Buffer.from(`${JSON.stringify(listed, null, 2)}\n`) },
  ]);
  const files = [...own.files, ...list.files].map((file) => ({ ...file, path: `${FOLDER}/${file.path}` }));
  return { id: manifest.id, manifest, content: contentOf(files) };
}

/**
 * Folder of the bundle that a word means: a known id (fetched and built where it isn't yet), or a path with a "/" or a "."
 * in front: a checkpoint's folder, an exported graph's .onnx file, or a bundle's own folder.
 *
 * @throws KilotuneError `unknown_backbone`, `missing_bundle`; what fetching throws
 */
export async function bundleNamed(word: string, options: LoadOptions): Promise<string> {
  const isPath = word.startsWith(".") || word.includes("/") || word.includes(path.sep);
  if (isPath) {
    const holds = (name: string) => stat(path.join(word, name)).catch(() => undefined);
    if (await holds("manifest.json")) return path.resolve(word);
    if (!word.endsWith(".onnx") && !(await holds("model.safetensors")))
      throw missingBundle(path.resolve(word), "there is neither a manifest.json nor a model.safetensors");
  }
  const name = isPath ? path.resolve(word) : word;
  const ofImages = isPath
    ? await isVisionCheckpoint(name)
    : KNOWN_BACKBONES.some(({ id, kind }) => id === word && kind === "vision");
  await (ofImages ? loadVisionBackbone : loadBackbone)(name, options);
  return (ofImages ? visionBundleOf : bundleOf)(name, options);
}

const FOLDER = "kilotune/backbone";

async function manifestOf(folder: string): Promise<BackboneContent["manifest"]> {
  const text = await readFile(path.join(folder, "manifest.json"), "utf8").catch(() => undefined);
  if (text === undefined) throw missingBundle(folder, "there is no manifest.json in it");
  const open = /"kind"\s*:\s*"vision"/.test(text) ? openVisionBundle : openBundle;
  const backbone = await open(folder).catch((cause: Error) => {
    if (cause instanceof KilotuneError) throw cause;
    throw missingBundle(folder, `it can't be opened (${cause.message})`, cause);
  });
  if (backbone === undefined) throw missingBundle(folder, "it is of another version of Kilotune");
  return backbone.manifest;
}

function missingBundle(folder: string, seen: string, cause?: unknown): KilotuneError {
  return new KilotuneError(
    "missing_bundle",
    `expected a backbone's bundle in ${folder}: ${seen}`,
    "Give a known id (--backbone minilm-l6), a checkpoint's folder, or the folder of a bundle of this version.",
    { cause },
  );
}
