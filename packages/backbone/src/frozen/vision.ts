import { KilotuneError, METHODS_OF } from "@kilotune/contract";
import {
  differentiate,
  type Graph,
  GraphBuilder,
  type OpenGraph,
  prune,
  type Session,
  type Value,
} from "@kilotune/engine";
import type { VisionBackbone } from "../vision/backbone.ts";
import { give, type VisionFeatures, type VisionSite, type Wanted } from "../vision/graph.ts";
import { classificationHead } from "../vision/graphs.ts";
import { VISION_FORMAT, type VisionManifest } from "../vision/manifest.ts";
import { cutGraph } from "./cut.ts";
import { frozenGraph } from "./graph.ts";
import type { FrozenManifest } from "./manifest.ts";
import { type Reading, readingOf } from "./reading.ts";
import type { Stage } from "./stages.ts";

/**
 * A frozen graph as a backbone that jobs and predictors know. What heads read of it, `reading.ts` finds; a prompt scales and
 * shifts the channels of its stages, or stands along the edges of its images.
 *
 * B images, N cells, H channels of all levels that are read, K channels that a prompt changes.
 */

/** @param openOn opens a graph whose weights lie in the bundle */
export function visionOfGraph(
  graph: Graph,
  manifest: FrozenManifest,
  openOn: OpenGraph,
  openGraph: OpenGraph,
): VisionBackbone {
  const reading = readingOf(graph, manifest);
  const described = describe(manifest, reading);
  const { config } = described;
  const all = promptedStages(manifest).map(({ name }) => name);
  const { read } = reading;
  const featuresOf = (b: GraphBuilder, tokens: Value): VisionFeatures =>
    reading.kind === "cls"
      ? { cls: b.op("Squeeze", [tokens, b.ints([1])]), taps: new Map() }
      : { patches: tokens, taps: new Map() };

  /** The part above the cut, with what heads read. */
  const above = (site: VisionSite, name: string): { builder: GraphBuilder; features: VisionFeatures } => {
    if (site.kind === "channels") {
      const sites = { stages: all.slice(site.firstStage) };
      const { upper } = cutGraph(graph, manifest.stages, sites, read);
      const { builder, features } = frozenGraph(
        upper,
        manifest.stages,
        sites,
        { name, rows: "shared" },
        (b) => slices(b, b.input("channels", "float32", [2, config.channels as number]), manifest),
      );
      return { builder, features: featuresOf(builder, reading.of(builder, features)) };
    }
    if (site.kind === "border") {
      // Nothing lies below the pixels.
      const named = { name, rows: "shared", pixels: "hidden" } as const;
      const { builder, features } = frozenGraph(graph, manifest.stages, { border: site.width }, named);
      return { builder, features: featuresOf(builder, reading.of(builder, features)) };
    }
    const { builder } = frozenGraph(EMPTY, [], {}, { name, rows: "shared" });
    const tokens = builder.input("hidden", "float32", ["B", reading.cells, config.hiddenSize]);
    // An input can't be an output as it is.
    return { builder, features: featuresOf(builder, builder.op("Identity", [tokens])) };
  };
  const whole = (rows: "shared" | "each") => {
    const each = rows === "each" && all.length > 0;
    const sites = each ? { stages: all } : {};
    const { builder, features } = frozenGraph(graph, manifest.stages, sites, { name: "graph", rows }, (b) =>
      each
        ? slices(b, b.input("channels", "float32", ["B", 2, config.channels as number]), manifest)
        : undefined,
    );
    return { builder, tokens: reading.of(builder, features) };
  };
  const openTuned: VisionBackbone["openTuned"] = async (site, head) => {
    checkSite(site, described, all);
    checkWanted(head.wanted, reading, manifest);
    const { builder, features } = above(site, "tune");
    const learnt = head.add(builder, features);
    const wrt = site.kind === "none" ? learnt : [site.kind, ...learnt];
    return openOn(differentiate(prune(builder.build()), { loss: "loss", wrt }));
  };

  return {
    manifest: described,
    async open(spec): Promise<Session> {
      switch (spec.kind) {
        case "serve": {
          const { builder, tokens } = whole("each");
          give(builder, featuresOf(builder, tokens));
          return openOn(prune(builder.build()));
        }
        case "lower": {
          checkSite(spec.site, described, all);
          if (spec.site.kind === "border") {
            const b = new GraphBuilder("lower");
            const pixels = b.input("pixels", "float32", ["B", 3, config.height, config.width]);
            b.output(b.op("Identity", [pixels]), "hidden");
            return openOn(b.build());
          }
          if (spec.site.kind === "channels") {
            const sites = { stages: all.slice(spec.site.firstStage) };
            const { lower } = cutGraph(graph, manifest.stages, sites, read);
            const { builder, features } = frozenGraph(lower, [], {}, { name: "lower", rows: "shared" });
            for (const [name, value] of features.outputs) builder.output(value, name);
            return openOn(builder.build());
          }
          const { builder, tokens } = whole("shared");
          builder.output(tokens, "hidden");
          return openOn(prune(builder.build()));
        }
        case "upper": {
          checkSite(spec.site, described, all);
          checkWanted(spec.wanted, reading, manifest);
          const { builder, features } = above(spec.site, "upper");
          give(builder, features);
          return openOn(prune(builder.build()));
        }
        case "tune":
          return openTuned(spec.site, classificationHead(config, spec.feature));
        case "prefix":
        case "attention":
          throw notHere(manifest, config, `the graph ${spec.kind}`);
      }
    },
    openTuned,
    async openAnswering(site, head) {
      checkSite(site, described, all);
      checkWanted(head.wanted, reading, manifest);
      const { builder, features } = above(site, "answer");
      head.answer(builder, features);
      return openOn(prune(builder.build()));
    },
    openGraph,
  };
}

const EMPTY: Graph = { name: "empty", inputs: [], outputs: [], initializers: [], nodes: [] };

/** In the order of their channels in a prompt. */
function promptedStages({ stages }: FrozenManifest): Stage[] {
  return stages.filter(({ stride }) => stride >= 8);
}

function describe(manifest: FrozenManifest, { kind, hiddenSize, patchSize }: Reading): VisionManifest {
  const { id, licence, identity, preprocessing, weightsBytes } = manifest;
  const { height, width } = preprocessing;
  return {
    format: VISION_FORMAT,
    kind: "vision",
    id,
    family: "graph",
    config: {
      layers: 1,
      hiddenSize,
      heads: 1,
      headDim: hiddenSize,
      intermediateSize: hiddenSize,
      layerNormEpsilon: 0,
      height,
      width,
      patchSize,
      leadingTokens: 0,
      hasClassToken: kind === "cls",
      activation: "silu",
      mlp: "plain",
      normsInput: false,
      normsOutput: false,
      channels: promptedStages(manifest).reduce((sum, { channels }) => sum + channels, 0),
      stages: promptedStages(manifest).length,
    },
    preprocessing,
    licence,
    identity,
    weightsBytes,
  };
}

/** A prompt [.., 2, K] as a scale and a shift of each stage: [.., C]. */
function slices(
  b: GraphBuilder,
  prompt: Value,
  manifest: FrozenManifest,
): ReadonlyMap<string, { scale: Value; shift: Value }> {
  const first = prompt.shape.length - 2;
  const part = (row: number, from: number, to: number) => {
    const cut = b.op("Slice", [
      prompt,
      b.ints([row, from]),
      b.ints([row + 1, to]),
      b.ints([first, first + 1]),
    ]);
    return b.op("Squeeze", [cut, b.ints([first])]);
  };
  let from = 0;
  return new Map(
    promptedStages(manifest).map(({ name, channels }) => {
      const to = from + channels;
      const own = { scale: part(0, from, to), shift: part(1, from, to) };
      from = to;
      return [name, own];
    }),
  );
}

function checkSite(site: VisionSite, { id, config }: VisionManifest, stages: readonly string[]): void {
  switch (site.kind) {
    case "none":
      return;
    case "channels": {
      const { firstStage = 0 } = site;
      if (stages.length === 0) throw notHere({ id }, config, "prompts of kind channels");
      if (Number.isInteger(firstStage) && firstStage >= 0 && firstStage < stages.length) return;
      throw badSite(id, `a first stage of 0 to ${stages.length - 1}, ${stages.join(", ")}`, `${firstStage}`);
    }
    case "border": {
      const most = Math.floor(Math.min(config.width, config.height) / 2);
      if (Number.isInteger(site.width) && site.width >= 1 && site.width <= most) return;
      throw badSite(id, `a border of 1 to ${most} pixels`, `${site.width}`);
    }
    default:
      throw notHere({ id }, config, `prompts of kind ${site.kind}`);
  }
}

function checkWanted({ patches, taps = [] }: Wanted, { kind }: Reading, { id }: FrozenManifest): void {
  if (patches && kind === "cls")
    throw new KilotuneError(
      "unsupported_task",
      `${id} gives one vector an image: expected a task that asks for no more, such as classification.`,
      "For masks and boxes export the graph with its maps or tokens as outputs.",
      { kind: "usage" },
    );
  if (taps.length > 0) throw badSite(id, "no layers between its features to be read", taps.join(", "));
}

function badSite(id: string, expected: string, seen: string): KilotuneError {
  return new KilotuneError(
    "bad_site",
    `${id}: expected ${expected}; seen: ${seen.slice(0, 80)}.`,
    "Choose what the backbone's manifest has.",
    { kind: "usage" },
  );
}

function notHere(
  { id }: { readonly id: string },
  { channels }: VisionManifest["config"],
  seen: string,
): KilotuneError {
  const can = METHODS_OF[channels ? "graph" : "bareGraph"].join(", ");
  return new KilotuneError(
    "unsupported_method",
    `${id} is a graph without attention: expected one of the methods ${can}, saw ${seen}.`,
    "Choose channels, a scale and a shift of each channel of its stages, or border, numbers along the image's edges.",
    { kind: "usage" },
  );
}
