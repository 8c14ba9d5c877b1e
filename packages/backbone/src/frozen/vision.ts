import { KilotuneError } from "@kilotune/contract";
import {
  differentiate,
  type Graph,
  type GraphBuilder,
  normalize,
  type OpenGraph,
  type Session,
  type Value,
} from "@kilotune/engine";
import type { VisionBackbone } from "../vision/backbone.ts";
import type { VisionFeatures, VisionSite } from "../vision/graph.ts";
import { VISION_FORMAT, type VisionManifest } from "../vision/manifest.ts";
import { cutGraph } from "./cut.ts";
import { frozenGraph } from "./graph.ts";
import type { FrozenManifest } from "./manifest.ts";
import type { Stage } from "./stages.ts";

/**
 * A frozen convolutional graph as a backbone that jobs and predictors know: its levels, laid over one grid of cells 16 pixels
 * wide, are the patches that heads read; a prompt scales and shifts the channels of its stages.
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
  const levels = levelsOf(manifest);
  const described = describe(manifest, levels);
  const { config } = described;
  const sites = { stages: promptedStages(manifest).map(({ name }) => name) };
  const read = levels.map(({ name }) => name);

  /** The part above the cut, with what heads read. */
  const above = (site: VisionSite, name: string): { builder: GraphBuilder; features: VisionFeatures } => {
    if (site.kind !== "channels") {
      const { builder, tokens } = tokensGiven(name);
      return { builder, features: { patches: tokens, taps: new Map() } };
    }
    const { upper } = cutGraph(graph, manifest.stages, sites, read);
    const { builder, features } = frozenGraph(upper, manifest.stages, sites, { name, rows: "shared" }, (b) =>
      slices(b, b.input("channels", "float32", [2, config.channels as number]), manifest),
    );
    return { builder, features: { patches: tokensOf(builder, features.stages, levels), taps: new Map() } };
  };
  const tokensGiven = (name: string) => {
    const { builder } = frozenGraph(EMPTY, [], {}, { name, rows: "shared" });
    const tokens = builder.input("hidden", "float32", ["B", cellsOf(config), config.hiddenSize]);
    return { builder, tokens };
  };
  const whole = (rows: "shared" | "each") => {
    const each = rows === "each";
    return frozenGraph(graph, manifest.stages, each ? sites : {}, { name: "graph", rows }, (b) =>
      each
        ? slices(b, b.input("channels", "float32", ["B", 2, config.channels as number]), manifest)
        : undefined,
    );
  };

  return {
    manifest: described,
    async open(spec): Promise<Session> {
      switch (spec.kind) {
        case "serve": {
          const { builder, features } = whole("each");
          builder.output(tokensOf(builder, features.stages, levels), "patches");
          return openOn(builder.build());
        }
        case "lower": {
          checkSite(spec.site, manifest);
          if (spec.site.kind === "channels") {
            const { lower } = cutGraph(graph, manifest.stages, sites, read);
            const { builder, features } = frozenGraph(lower, [], {}, { name: "lower", rows: "shared" });
            for (const [name, value] of features.outputs) builder.output(value, name);
            return openOn(builder.build());
          }
          const { builder, features } = whole("shared");
          builder.output(tokensOf(builder, features.stages, levels), "hidden");
          return openOn(builder.build());
        }
        case "upper": {
          checkSite(spec.site, manifest);
          const { builder, features } = above(spec.site, "upper");
          // An input can't be an output as it is.
          builder.output(builder.op("Identity", [features.patches as Value]), "patches");
          return openOn(builder.build());
        }
        case "tune":
        case "prefix":
        case "attention":
          throw notHere(manifest, `the graph ${spec.kind}`);
      }
    },
    async openTuned(site, head) {
      checkSite(site, manifest);
      const { builder, features } = above(site, "tune");
      const learnt = head.add(builder, features);
      const wrt = site.kind === "channels" ? ["channels", ...learnt] : learnt;
      return openOn(differentiate(builder.build(), { loss: "loss", wrt }));
    },
    async openAnswering(site, head) {
      checkSite(site, manifest);
      const { builder, features } = above(site, "answer");
      head.answer(builder, features);
      return openOn(builder.build());
    },
    openGraph,
  };
}

const EMPTY: Graph = { name: "empty", inputs: [], outputs: [], initializers: [], nodes: [] };

/** Side of a cell, in pixels. */
const CELL = 16;

/** What heads read: the last stage of each size from an eighth of the image on. */
function levelsOf({ id, stages }: FrozenManifest): Stage[] {
  const last = new Map<number, Stage>();
  for (const stage of stages) if (stage.stride >= 8 && stage.stride <= 64) last.set(stage.stride, stage);
  if (last.has(CELL)) return [...last.values()];
  const seen = stages.map(({ name, stride }) => `${name} at ${stride}`).join(", ") || "none";
  throw new KilotuneError(
    "no_sites",
    `${id}: expected a stage whose cells are ${CELL} pixels wide, seen ${seen}`,
    "A detector of the YOLO family or a residual network has one: export it from pixels on.",
  );
}

/** In the order of their channels in a prompt. */
function promptedStages({ stages }: FrozenManifest): Stage[] {
  return stages.filter(({ stride }) => stride >= 8);
}

function describe(manifest: FrozenManifest, levels: readonly Stage[]): VisionManifest {
  const { id, licence, identity, preprocessing, weightsBytes } = manifest;
  const hiddenSize = levels.reduce((sum, level) => sum + widthOf(level), 0);
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
      patchSize: CELL,
      leadingTokens: 0,
      hasClassToken: false,
      activation: "silu",
      mlp: "plain",
      normsInput: false,
      normsOutput: false,
      channels: promptedStages(manifest).reduce((sum, { channels }) => sum + channels, 0),
    },
    preprocessing,
    licence,
    identity,
    weightsBytes,
  };
}

/** Numbers of a level in each cell: those of finer ones stand side by side. */
function widthOf({ channels, stride }: Stage): number {
  return stride < CELL ? channels * (CELL / stride) ** 2 : channels;
}

function cellsOf({ height, width, patchSize }: VisionManifest["config"]): number {
  return (height / patchSize) * (width / patchSize);
}

/** Stages [B, C, rows, columns] -> [B, N, H]; each level's numbers in a cell have a mean square of one. */
function tokensOf(b: GraphBuilder, stages: ReadonlyMap<string, Value>, levels: readonly Stage[]): Value {
  const parts = levels.map((level) => {
    const value = stages.get(level.name) as Value;
    const { channels: C, stride } = level;
    const [, , rows, columns] = value.shape as [unknown, number, number, number];
    const k = Math.max(CELL / stride, 1);
    const [high, wide] = [rows / k, columns / k];
    const split = b.op("Reshape", [value, b.ints([-1, C, high, k, wide, k])]);
    const cells = b.op("Transpose", [split], { perm: [0, 2, 4, 1, 3, 5] });
    const width = widthOf(level);
    const normed = normalize(b, b.op("Reshape", [cells, b.ints([-1, high, wide, width])]));
    const scaled = b.op("Mul", [normed, b.scalar(Math.sqrt(width))]);
    const times = Math.max(stride / CELL, 1);
    const grown = repeated(b, repeated(b, scaled, 2, times), 1, times);
    return b.op("Reshape", [grown, b.ints([-1, high * times * wide * times, width])]);
  });
  return parts.length === 1 ? (parts[0] as Value) : b.op("Concat", parts, { axis: 2 });
}

/** [B, h, w, C] with each row (axis 1) or column (axis 2) so many times in a row. */
function repeated(b: GraphBuilder, x: Value, axis: 1 | 2, times: number): Value {
  if (times === 1) return x;
  const [, high, wide, C] = x.shape as [unknown, number, number, number];
  const apart = axis === 1 ? [-1, high, 1, wide, C] : [-1, high, wide, 1, C];
  const one = b.op("Reshape", [x, b.ints(apart)]);
  const many = b.op("Concat", Array<Value>(times).fill(one), { axis: axis + 1 });
  const grown = axis === 1 ? [high * times, wide] : [high, wide * times];
  return b.op("Reshape", [many, b.ints([-1, ...grown, C])]);
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

function checkSite({ kind }: VisionSite, manifest: FrozenManifest): void {
  if (kind !== "none" && kind !== "channels") throw notHere(manifest, `prompts of kind ${kind}`);
}

function notHere({ id }: FrozenManifest, seen: string): KilotuneError {
  return new KilotuneError(
    "unsupported_method",
    `${id} is a graph without attention: expected the method channels or head, saw ${seen}.`,
    "Choose channels: a scale and a shift of each channel of its stages.",
    { kind: "usage" },
  );
}
