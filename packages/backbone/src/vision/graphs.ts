import { KilotuneError } from "@kilotune/contract";
import {
  cosineHead,
  crossEntropy,
  differentiate,
  type Graph,
  type GraphBuilder,
  normalize,
  type Value,
} from "@kilotune/engine";
import type { WeightPlaces } from "../weight-places.ts";
import { type LookedAt, visionAttentionGraph } from "./attention.ts";
import { gridOf, type VisionConfig } from "./config.ts";
import {
  type EncoderSite,
  give,
  type VisionFeatures,
  type VisionSite,
  visionLowerGraph,
  visionPrefixGraph,
  visionServeGraph,
  visionUpper,
  type Wanted,
} from "./graph.ts";

/**
 * The graphs of a vision backbone. All point into the same weights file.
 * serve: pixels and prompts of many tenants -> features.
 * lower: pixels -> `hidden`, all that a prompt at `site` can't change, and the taps below it.
 * upper: `hidden` and one prompt -> features, the taps above it.
 * tune: `hidden`, one prompt, prototypes and targets -> loss and gradients of a classification.
 * prefix: deep prompts -> the prefixes that serve in their place.
 * attention: pixels and one prompt -> how much is looked at its tokens; see `visionAttentionGraph`.
 */
export type VisionSpec =
  | { readonly kind: "serve"; readonly wanted: Wanted; readonly added?: "lora" | undefined }
  | { readonly kind: "lower"; readonly site: VisionSite; readonly taps?: readonly number[] }
  | { readonly kind: "upper"; readonly site: VisionSite; readonly wanted: Wanted }
  | {
      readonly kind: "tune";
      readonly site: VisionSite;
      readonly feature: ImageFeature;
      readonly dropout: boolean;
    }
  | { readonly kind: "prefix"; readonly firstLayer: number }
  | { readonly kind: "attention"; readonly site: LookedAt; readonly layers: readonly number[] };

export type TunedVisionSite = Exclude<VisionSite, { kind: "none" }>;

/** What stands for a whole image: the class token, or the mean of the patches. */
export type ImageFeature = "cls" | "mean";

/** A head that the caller puts onto features: adds its inputs, loss and outputs to the graph, and names what is learnt. */
export interface VisionHead {
  readonly wanted: Wanted;
  /** @returns names of the inputs that the head learns; the graph has an output `loss` then */
  add(builder: GraphBuilder, features: VisionFeatures): readonly string[];
}

/** What such a head says, without a loss. */
export interface VisionAnswer {
  readonly wanted: Wanted;
  answer(builder: GraphBuilder, features: VisionFeatures): void;
}

/** @throws KilotuneError `bad_site` where the backbone hasn't what is asked for */
export function buildVisionGraph(spec: VisionSpec, config: VisionConfig, weights: WeightPlaces): Graph {
  switch (spec.kind) {
    case "serve":
      checkWanted(spec.wanted, config);
      return visionServeGraph(config, weights, spec.wanted, spec.added);
    case "lower":
      checkSite(spec.site, config);
      checkWanted({ taps: spec.taps ?? [] }, config);
      return visionLowerGraph(config, weights, spec.site, spec.taps);
    case "upper": {
      checkSite(spec.site, config);
      checkWanted(spec.wanted, config);
      const { builder, features } = visionUpper(config, weights, spec.site, spec.wanted, { name: "upper" });
      give(builder, features);
      return builder.build();
    }
    case "tune":
      return buildVisionTuneGraph(spec, classificationHead(config, spec.feature), config, weights);
    case "prefix":
      checkSite({ kind: "deep", firstLayer: spec.firstLayer }, config);
      return visionPrefixGraph(config, weights, spec.firstLayer);
    case "attention":
      checkSite(spec.site, config);
      checkLooked(spec, config);
      return visionAttentionGraph(config, weights, spec.site, spec.layers);
  }
}

/**
 * `hidden`, one prompt and what the head reads -> `loss` and the gradients of the prompt and of what the head learns. Taps
 * that lie below the site are inputs `tap-3` [B, N, H], as the lower graph gives them.
 */
export function buildVisionTuneGraph(
  { site, dropout }: { site: VisionSite; dropout: boolean },
  head: VisionHead,
  config: VisionConfig,
  weights: WeightPlaces,
): Graph {
  const { builder, features } = underHead(site, head.wanted, config, weights, { name: "tune", dropout });
  const learnt = head.add(builder, features);
  const wrt = site.kind === "none" ? learnt : [site.kind, ...learnt];
  return differentiate(builder.build(), { loss: "loss", wrt });
}

/** The same inputs, but for what the loss wants -> what the head says. */
export function buildVisionAnswerGraph(
  site: VisionSite,
  head: VisionAnswer,
  config: VisionConfig,
  weights: WeightPlaces,
): Graph {
  const { builder, features } = underHead(site, head.wanted, config, weights, { name: "answer" });
  head.answer(builder, features);
  return builder.build();
}

function underHead(
  site: VisionSite,
  wanted: Wanted,
  config: VisionConfig,
  weights: WeightPlaces,
  options: { name: string; dropout?: boolean },
): { readonly builder: GraphBuilder; readonly features: VisionFeatures } {
  checkSite(site, config);
  checkWanted(wanted, config);
  const { builder, features } = visionUpper(config, weights, site, wanted, options);
  const [rows, columns] = gridOf(config);
  const below = (wanted.taps ?? []).filter((tap) => !features.taps.has(tap));
  const given = below.map(
    (tap) => [tap, builder.input(`tap-${tap}`, "float32", ["B", rows * columns, config.hiddenSize])] as const,
  );
  return { builder, features: { ...features, taps: new Map([...given, ...features.taps]) } };
}

/** C classes: prototypes of any length, compared by cosine. Inputs `prototypes`, `scale`, `targets`, `weights`. */
export function classificationHead(config: VisionConfig, feature: ImageFeature): VisionHead {
  return {
    wanted: feature === "cls" ? { cls: true } : { patches: true },
    add(b, features) {
      const vector = normalize(b, featureValue(b, features, feature));
      const prototypes = b.input("prototypes", "float32", ["C", config.hiddenSize]);
      const logits = cosineHead(b, vector, prototypes, b.input("scale", "float32", []));
      const targets = b.input("targets", "float32", ["B", "C"]);
      b.output(crossEntropy(b, logits, targets, b.input("weights", "float32", ["B"])), "loss");
      b.output(logits, "logits");
      return ["prototypes"];
    },
  };
}

/** A feature of each image, [B, H], where the graph gives what it is made of. */
export function featureValue(
  b: GraphBuilder,
  { cls, patches }: VisionFeatures,
  feature: ImageFeature,
): Value {
  if (feature === "cls") return cls as Value;
  return b.op("ReduceMean", [patches as Value, b.ints([1])], { keepdims: 0 });
}

function checkSite(site: VisionSite, { layers }: VisionConfig): asserts site is EncoderSite {
  if (site.kind === "channels") throw badSite("layers of attention, and no stages of channels", "channels");
  if (site.kind === "border") throw badSite("layers of attention for prompts to join at", "border");
  if (site.kind === "soft") return;
  const { firstLayer } = site;
  if (Number.isInteger(firstLayer) && firstLayer >= 0 && firstLayer < layers) return;
  throw badSite(`a first layer from 0 to ${layers - 1}`, `${firstLayer}`);
}

function checkLooked(
  { site, layers }: Extract<VisionSpec, { kind: "attention" }>,
  { layers: all, hasClassToken }: VisionConfig,
): void {
  const first = site.kind === "kv" || site.kind === "lora" ? site.firstLayer : 0;
  const isAscending = layers.every((layer, at) => at === 0 || layer > (layers[at - 1] as number));
  const wrong = layers.find((layer) => !Number.isInteger(layer) || layer < first || layer >= all);
  if (layers.length === 0 || !isAscending || wrong !== undefined)
    throw badSite(`prompted layers ${first} to ${all - 1}, to be looked at in that order`, layers.join(", "));
  if ((site.kind === "none" || site.kind === "lora") && !hasClassToken)
    throw badSite("no class token whose attention could be shown", site.kind);
}

function checkWanted({ cls, taps }: Wanted, { layers, hasClassToken }: VisionConfig): void {
  if (cls && !hasClassToken) throw badSite("the patches' mean, since it has no class token", "cls");
  const wrong = taps?.find((tap) => !Number.isInteger(tap) || tap < 1 || tap >= layers);
  if (wrong !== undefined) throw badSite(`taps behind 1 to ${layers - 1} layers`, `${wrong}`);
}

function badSite(expected: string, seen: string): KilotuneError {
  return new KilotuneError(
    "bad_site",
    `this backbone has ${expected}; seen: ${seen}.`,
    "Choose what the backbone's manifest has.",
    { kind: "usage" },
  );
}
