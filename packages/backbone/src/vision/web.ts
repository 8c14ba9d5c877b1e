import { KilotuneError } from "@kilotune/contract";
import { decodeOnnx, encodeOnnx, type Graph, readSafetensorsHeader } from "@kilotune/engine";
import { openWebSession } from "@kilotune/engine/web";
import { GRAPH_FILE, WEIGHTS_FILE } from "../bundle/files.ts";
import { parseFrozenManifest } from "../frozen/manifest.ts";
import { visionOfGraph } from "../frozen/vision.ts";
import { placesIn } from "../weight-places.ts";
import type { VisionBackbone } from "./backbone.ts";
import { buildVisionAnswerGraph, buildVisionGraph, buildVisionTuneGraph } from "./graphs.ts";
import { parseVisionManifest } from "./manifest.ts";

/** A bundle's files as a page has fetched them: `manifest.json`, parsed; `weights.safetensors`, and `graph.onnx` where there is one. */
export interface FetchedBundle {
  readonly manifest: unknown;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/**
 * A backbone of images in a browser, on onnxruntime-web: what `openVisionBundle` opens on a server.
 *
 * @throws KilotuneError `bad_bundle` where a file is missing or the manifest is of another version
 */
export async function openVisionWeb({ manifest: json, files }: FetchedBundle): Promise<VisionBackbone> {
  const weightsFile = fileOf(files, WEIGHTS_FILE);
  const open = (graph: Graph) => openWebSession(encodeOnnx(graph), new Map([[WEIGHTS_FILE, weightsFile]]));
  const openGraph = (graph: Graph) => openWebSession(encodeOnnx(graph));
  const manifest = parseVisionManifest(json);
  if (manifest === undefined) {
    const frozen = parseFrozenManifest(json);
    if (frozen === undefined) throw badBundle("a manifest of another version");
    const bytes = fileOf(files, GRAPH_FILE);
    return visionOfGraph(decodeOnnx(bytes, { sizeBytes: bytes.length }), frozen, open, openGraph);
  }
  const { config } = manifest;
  const header = await readSafetensorsHeader(
    async (offset, length) => weightsFile.subarray(offset, offset + length),
    weightsFile.length,
  );
  const weights = placesIn(header, WEIGHTS_FILE);
  return {
    manifest,
    open: async (spec) => open(buildVisionGraph(spec, config, weights)),
    openTuned: async (site, head, { dropout = false } = {}) =>
      open(buildVisionTuneGraph({ site, dropout }, head, config, weights)),
    openAnswering: async (site, head) => open(buildVisionAnswerGraph(site, head, config, weights)),
    openGraph,
  };
}

function fileOf(files: ReadonlyMap<string, Uint8Array>, name: string): Uint8Array {
  const bytes = files.get(name);
  if (bytes === undefined) throw badBundle(`none of ${name}`);
  return bytes;
}

function badBundle(seen: string): KilotuneError {
  return new KilotuneError(
    "bad_bundle",
    `expected the files of a backbone of images, saw ${seen}`,
    "Serve the whole folder that `kilotune backbone build` or `pull` made, as it is.",
  );
}
