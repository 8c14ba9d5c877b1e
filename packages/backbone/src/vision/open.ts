import type { Graph } from "@kilotune/engine";
import { type NodeSessionOptions, openNodeSession } from "@kilotune/engine/node";
import { readBundle, weightsOf } from "../bundle/folder.ts";
import { openFrozenBundle } from "../frozen/backbone.ts";
import type { VisionBackbone } from "./backbone.ts";
import { buildVisionAnswerGraph, buildVisionGraph, buildVisionTuneGraph } from "./graphs.ts";
import { parseVisionManifest } from "./manifest.ts";

/** The vision backbone in a bundle's folder; undefined where there's no bundle, or one of another format. */
export async function openVisionBundle(
  folder: string,
  options: NodeSessionOptions = {},
): Promise<VisionBackbone | undefined> {
  const manifest = await readBundle(folder, parseVisionManifest);
  if (manifest === undefined) return (await openFrozenBundle(folder, options))?.asVision();
  const weights = await weightsOf(folder);
  // A graph is built in milliseconds, so none but the serving one is kept.
  const open = (graph: Graph) => openNodeSession(graph, options, folder);
  return {
    manifest,
    open: async (spec) => open(buildVisionGraph(spec, manifest.config, weights)),
    openTuned: async (site, head, { dropout = false } = {}) =>
      open(buildVisionTuneGraph({ site, dropout }, head, manifest.config, weights)),
    openAnswering: async (site, head) => open(buildVisionAnswerGraph(site, head, manifest.config, weights)),
    openGraph: (graph) => openNodeSession(graph, options),
  };
}
