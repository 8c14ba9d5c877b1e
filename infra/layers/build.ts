import { copyFile, mkdir, mkdtemp, rename, rm, stat, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { describeBackbone, promptableLayers, type LoadOptions, sha256OfFile } from "@kilotune/backbone";
import { KilotuneError } from "@kilotune/contract";
import { backboneContent, bundleNamed } from "./backbone.ts";
import { type Content, measure } from "./content.ts";
import type { Architecture } from "./elf.ts";
import {
  assertBackboneBudget,
  assertOnnxRuntimeBudget,
  assertSharpBudget,
  homeOf,
  megabytes,
} from "./limits.ts";
import { findOnnxRuntime, onnxRuntimeFiles } from "./onnxruntime.ts";
import { type Layer, readRecord, writeRecord } from "./record.ts";
import { sharpFiles } from "./sharp.ts";
import { writeZip } from "./write-zip.ts";

export interface BuildOptions {
  /** Folder of the zips and of layers.json. */
  readonly out: string;
  readonly architectures: readonly Architecture[];
  /** Known ids, or folders of checkpoints or bundles. */
  readonly backbones: readonly string[];
  /** Folder or tarball of onnxruntime-node; the installed one where left out. */
  readonly onnxruntime?: string | undefined;
  readonly load: LoadOptions;
  readonly tell: (words: string) => void;
}

export type Built = Layer & {
  /** false: its content was built before, and nothing was written. */
  readonly written: boolean;
};

/**
 * Builds what is asked for and isn't there yet. What was built earlier into the folder and isn't asked for stays.
 *
 * @throws KilotuneError `over_budget`, `wrong_architecture`, `missing_onnxruntime`, `missing_bundle`, ..
 */
export async function buildLayers(options: BuildOptions): Promise<Built[]> {
  const { out, architectures, backbones, load, tell } = options;
  const scratch = await mkdtemp(path.join(os.tmpdir(), "kilotune-layer-"));
  try {
    const packages = await findOnnxRuntime(options.onnxruntime, scratch);
    const wanted: Wanted[] = [];
    for (const architecture of architectures) {
      tell(`ONNX Runtime ${packages.version} for ${architecture}: reading`);
      const content = await measure(await onnxRuntimeFiles(packages, architecture));
      assertOnnxRuntimeBudget(architecture, content.unzippedBytes);
      const about = `ONNX Runtime ${packages.version} for ${architecture}`;
      wanted.push({
        name: `onnxruntime-${architecture}`,
        kind: "layer",
        content,
        architectures: [architecture],
        about,
      });
    }
    const largestRuntime = largestOf(wanted);
    let decoders: Wanted[] | undefined;
    const of: Wanted[] = [];
    for (const word of backbones) {
      tell(`backbone ${word}: reading`);
      const bundle = await bundleNamed(word, load);
      const { id, manifest, content } = await backboneContent(bundle);
      const precision = "precision" in manifest ? manifest.precision : "fp32";
      assertBackboneBudget(id, precision, content.unzippedBytes);
      if ("preprocessing" in manifest) decoders ??= await decodersFor(options);
      const besideBytes = largestRuntime + ("preprocessing" in manifest ? largestOf(decoders ?? []) : 0);
      of.push({
        name: `backbone-${layerWord(id)}`,
        kind: homeOf(content.unzippedBytes, besideBytes),
        content,
        // Weights, graphs and texts: the same bytes on every processor.
        architectures: ["arm64", "x64"],
        about: `backbone ${id}${precision === "fp32" ? "" : ` in ${precision}`}, weights ${manifest.identity.weightsSha256.slice(0, 12)}`,
        backbone: {
          ...describeBackbone(manifest),
          // As old as its bundle, as it is where it is served locally.
          created: Math.floor((await stat(path.join(bundle, "manifest.json"))).mtimeMs / 1000),
          layers: promptableLayers(manifest),
          ...(precision === "int8" && { precision }),
        },
      });
    }
    return await writeWanted(out, [...wanted, ...(decoders ?? []), ...of], tell);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

interface Wanted {
  readonly name: string;
  readonly kind: Layer["kind"];
  readonly content: Content;
  readonly architectures: Architecture[];
  readonly about: string;
  readonly backbone?: Layer["backbone"];
}

/** What functions of images have besides. */
async function decodersFor({ architectures, load, tell }: BuildOptions): Promise<Wanted[]> {
  const wanted: Wanted[] = [];
  for (const architecture of architectures) {
    const { version, files } = await sharpFiles(architecture, { cache: load.cache, tell });
    const content = await measure(files);
    assertSharpBudget(architecture, content.unzippedBytes);
    const about = `sharp ${version} for ${architecture}`;
    wanted.push({
      name: `sharp-${architecture}`,
      kind: "layer",
      content,
      architectures: [architecture],
      about,
    });
  }
  return wanted;
}

function largestOf(wanted: readonly Wanted[]): number {
  return Math.max(0, ...wanted.map(({ content }) => content.unzippedBytes));
}

async function writeWanted(
  out: string,
  wanted: readonly Wanted[],
  tell: (words: string) => void,
): Promise<Built[]> {
  await mkdir(out, { recursive: true });
  const record = await readRecord(out);
  const built: Built[] = [];
  for (const { name, kind, content, architectures, about, backbone } of wanted) {
    const standing = record.layers.find((layer) => layer.name === name);
    const isTold = backbone === undefined || standing?.backbone !== undefined;
    if (standing !== undefined && isTold && (await stands(out, standing, kind, content))) {
      tell(`${name}: its content was built before; nothing to do`);
      built.push({ ...standing, written: false });
      continue;
    }
    const { sha256: contentSha256, unzippedBytes, files } = content;
    const common = { name, contentSha256, unzippedBytes, architectures, about, backbone };
    let layer: Layer;
    if (kind === "layer") {
      tell(`${name}: packing ${files.length} files, ${megabytes(unzippedBytes)}`);
      const zip = await writeZip(files, path.join(out, `${name}.zip`));
      layer = { kind, ...common, zipSha256: zip.sha256, zipBytes: zip.sizeBytes };
    } else {
      tell(`${name}: ${megabytes(unzippedBytes)} is too large for a layer; laid out for a container image`);
      await layOut(content, path.join(out, name));
      layer = { kind, ...common };
    }
    built.push({ ...layer, written: true });
    // After each: what stands is known even if the next one fails.
    const others = record.layers.filter((each) => each.name !== name);
    record.layers.splice(0, Infinity, ...others, layer);
    await writeRecord(out, record.layers);
  }
  return built;
}

/** Whether what the record says is this content, and is still there, whole. */
async function stands(out: string, layer: Layer, kind: Layer["kind"], content: Content): Promise<boolean> {
  if (layer.contentSha256 !== content.sha256 || layer.kind !== kind) return false;
  if (layer.kind === "layer")
    return (await hashOrNothing(path.join(out, `${layer.name}.zip`))) === layer.zipSha256;
  for (const { path: name, sha256 } of content.files)
    if ((await hashOrNothing(path.join(out, layer.name, name))) !== sha256) return false;
  return true;
}

async function hashOrNothing(file: string): Promise<string | undefined> {
  try {
    return await sha256OfFile(file);
  } catch {
    return undefined;
  }
}

/** Below `to`, as it will lie below /opt; there whole or not at all. */
async function layOut({ files }: Content, to: string): Promise<void> {
  const temporary = `${to}.${process.pid}.tmp`;
  try {
    for (const { path: name, source } of files) {
      const file = path.join(temporary, name);
      await mkdir(path.dirname(file), { recursive: true });
      if (typeof source === "string") await copyFile(source, file);
      else await writeFile(file, source);
    }
    await rm(to, { recursive: true, force: true });
    await rename(temporary, to);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
}

/** A backbone's id as a part of a layer's name. A folder's id may hold anything. */
function layerWord(id: string): string {
  const word = id
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "");
  if (word.length > 0 && word.length <= 48) return word;
  throw new KilotuneError(
    "bad_backbone_id",
    `expected a backbone's id of letters and digits, at most 48; saw ${JSON.stringify(id.slice(0, 80))}`,
    "An id is the name of the checkpoint's folder: give it another one and build its bundle again.",
  );
}
