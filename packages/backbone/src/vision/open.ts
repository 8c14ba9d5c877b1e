import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { KilotuneError } from "@kilotune/contract";
import type { Graph } from "@kilotune/engine";
import { type NodeSessionOptions, openNodeSession } from "@kilotune/engine/node";
import { WEIGHTS_FILE } from "../bundle/build.ts";
import { readHeaderOfFile } from "../bundle/checkpoint-files.ts";
import { placesIn } from "../weight-places.ts";
import type { VisionBackbone } from "./backbone.ts";
import { buildVisionGraph, buildVisionTuneGraph } from "./graphs.ts";
import { parseVisionManifest, type VisionManifest } from "./manifest.ts";

/** The vision backbone in a bundle's folder; undefined where there's no bundle, or one of another format. */
export async function openVisionBundle(
  folder: string,
  options: NodeSessionOptions = {},
): Promise<VisionBackbone | undefined> {
  const manifest = await readManifest(folder);
  if (manifest === undefined) return undefined;
  const file = path.join(folder, WEIGHTS_FILE);
  const { size } = await stat(file);
  if (size !== manifest.weightsBytes) {
    throw new KilotuneError(
      "bad_bundle",
      `expected ${manifest.weightsBytes} bytes of ${file}, saw ${size}`,
      `Delete ${folder}; it is built again from the checkpoint.`,
    );
  }
  const weights = placesIn(await readHeaderOfFile(file), WEIGHTS_FILE);
  // A graph is built in milliseconds, so none but the serving one is kept.
  const open = (graph: Graph) => openNodeSession(graph, options, folder);
  return {
    manifest,
    open: async (spec) => open(buildVisionGraph(spec, manifest.config, weights)),
    openTuned: async (site, head, { dropout = false } = {}) =>
      open(buildVisionTuneGraph({ site, dropout }, head, manifest.config, weights)),
    openGraph: (graph) => openNodeSession(graph, options),
  };
}

async function readManifest(folder: string): Promise<VisionManifest | undefined> {
  let text: string;
  try {
    text = await readFile(path.join(folder, "manifest.json"), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  return parseVisionManifest(JSON.parse(text));
}
