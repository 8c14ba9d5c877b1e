import { readFile } from "node:fs/promises";
import path from "node:path";
import { KilotuneError } from "@kilotune/contract";
import {
  decodeOnnx,
  differentiate,
  type Graph,
  type GraphBuilder,
  type OpenGraph,
  prune,
  type Session,
} from "@kilotune/engine";
import { type NodeSessionOptions, openNodeSession } from "@kilotune/engine/node";
import { readBundle } from "../bundle/folder.ts";
import type { VisionBackbone } from "../vision/backbone.ts";
import { cutGraph } from "./cut.ts";
import { MAX_ONNX_BYTES } from "../onnx/import-onnx.ts";
import { type FrozenFeatures, type FrozenSites, frozenGraph, promptInputs } from "./graph.ts";
import { GRAPH_FILE } from "../bundle/files.ts";
import { type FrozenManifest, parseFrozenManifest } from "./manifest.ts";
import { visionOfGraph } from "./vision.ts";

/** A frozen graph with prompts around it, ready to run. */
export interface FrozenBackbone {
  readonly manifest: FrozenManifest;
  /** Pixels and a prompt a row -> features: stages by their names, and the original's outputs by theirs. */
  open(sites: FrozenSites, wanted: FrozenWanted): Promise<Session>;
  /** Pixels, one prompt for all images, and what a head of the caller's reads -> loss and gradients. */
  openTuned(sites: FrozenSites, head: FrozenHead): Promise<Session>;
  /**
   * The two halves of that, where prompts join at stages alone: pixels -> what no prompt changes, computed once an image;
   * and what reads the first half's outputs, by their names, in place of pixels. `read`: stages and outputs that the head reads.
   */
  openHalves(
    sites: FrozenSites,
    read: readonly string[],
    head: FrozenHead,
  ): Promise<{ lower: Session; tune: Session }>;
  readonly openGraph: OpenGraph;
  /** For jobs and predictors: see visionOfGraph. @throws KilotuneError `no_sites` */
  asVision(): VisionBackbone;
}

export interface FrozenWanted {
  readonly stages?: readonly string[];
  readonly outputs?: readonly string[];
}

/** Adds its inputs and the output `loss` to the graph, and names the inputs that it learns. */
export type FrozenHead = (builder: GraphBuilder, features: FrozenFeatures) => readonly string[];

/** The frozen graph in a bundle's folder; undefined where there's no bundle, or one of another format. */
export async function openFrozenBundle(
  folder: string,
  options: NodeSessionOptions = {},
): Promise<FrozenBackbone | undefined> {
  const manifest = await readBundle(folder, parseFrozenManifest);
  if (manifest === undefined) return undefined;
  const graph = decodeOnnx(new Uint8Array(await readFile(path.join(folder, GRAPH_FILE))), {
    sizeBytes: MAX_ONNX_BYTES,
  });
  const tuned = (part: Graph, sites: FrozenSites, head: FrozenHead) => {
    const named = { name: "tune", rows: "shared" } as const;
    const { builder, features } = frozenGraph(part, manifest.stages, sites, named);
    const learnt = head(builder, features);
    const wrt = [...promptInputs(sites), ...learnt];
    return openNodeSession(differentiate(builder.build(), { loss: "loss", wrt }), options, folder);
  };
  const lowerOf = (part: Graph) => {
    const { builder, features } = frozenGraph(part, [], {}, { name: "lower", rows: "shared" });
    for (const [name, value] of features.outputs) builder.output(value, name);
    return openNodeSession(builder.build(), options, folder);
  };
  return {
    manifest,
    async open(sites, wanted) {
      check(manifest, sites, wanted);
      const { builder, features } = frozenGraph(graph, manifest.stages, sites, {
        name: "serve",
        rows: "each",
      });
      for (const name of wanted.stages ?? []) builder.output(features.stages.get(name)!, name);
      for (const name of wanted.outputs ?? []) builder.output(features.outputs.get(name)!, name);
      return openNodeSession(prune(builder.build()), options, folder);
    },
    async openTuned(sites, head) {
      check(manifest, sites, {});
      return tuned(graph, sites, head);
    },
    async openHalves(sites, read, head) {
      check(manifest, sites, {});
      const { lower, upper } = cutGraph(graph, manifest.stages, sites, read);
      return { lower: await lowerOf(lower), tune: await tuned(upper, sites, head) };
    },
    openGraph: (small) => openNodeSession(small, options),
    asVision: () =>
      visionOfGraph(
        graph,
        manifest,
        (part) => openNodeSession(part, options, folder),
        (small) => openNodeSession(small, options),
      ),
  };
}

function check(
  { stages, outputs, preprocessing }: FrozenManifest,
  sites: FrozenSites,
  wanted: FrozenWanted,
): void {
  const names = stages.map(({ name }) => name);
  for (const name of [...(sites.stages ?? []), ...(wanted.stages ?? [])])
    if (!names.includes(name)) throw badSite(`stages ${names.join(", ") || "none"}`, name);
  for (const name of wanted.outputs ?? [])
    if (!outputs.includes(name)) throw badSite(`outputs ${outputs.join(", ")}`, name);
  const most = Math.floor(Math.min(preprocessing.width, preprocessing.height) / 2);
  const { border } = sites;
  if (border !== undefined && !(Number.isInteger(border) && border >= 1 && border <= most))
    throw badSite(`room for a border of 1 to ${most} pixels`, `${border}`);
}

function badSite(expected: string, seen: string): KilotuneError {
  return new KilotuneError(
    "bad_site",
    `this graph has ${expected}; seen: ${seen.slice(0, 80)}.`,
    "Choose what the backbone's manifest has.",
    { kind: "usage" },
  );
}
