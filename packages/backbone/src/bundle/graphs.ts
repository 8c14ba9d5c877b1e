import {
  cosineHead,
  crossEntropy,
  differentiate,
  type Graph,
  type GraphBuilder,
  type Value,
} from "@kilotune/engine";
import type { AdditionKind } from "../encoder/additions.ts";
import type { TextConfig } from "../text/config.ts";
import {
  type Cut,
  type TextFeatures,
  type TextWanted,
  textKeysGraph,
  textLowerGraph,
  textPrefixGraph,
  textServeGraph,
  textUpper,
  textWhole,
  type UpperSite,
} from "../text/graph.ts";
import { asInputs, type WeightPlaces } from "../weight-places.ts";

/**
 * The graphs of one backbone. All point into the same weights file.
 * serve: ids and prompts of many tenants -> unit sentence vectors; with `added` those prompts, too, that are such additions.
 * lower: ids -> `hidden`, all that a prompt from `firstLayer` on can't change, so it is computed once a row. `cut`: see textLowerGraph.
 * keys: ids -> `kv`, the frozen layers' own keys and values from `firstLayer` on: what a prefix may start as; and `states`, what
 *   they are made of: what deep prompts may.
 * prefix: deep prompts -> the prefixes that serve in their place.
 * upper: `hidden` and one prompt -> unit sentence vectors, or the text's tokens [B, S, H].
 * tune: `hidden`, one prompt, prototypes and targets -> loss and gradients.
 * whole: ids and all weights as inputs -> unit sentence vectors, or with prototypes and targets loss and all gradients.
 */
export type GraphSpec =
  | { readonly kind: "serve"; readonly added?: AdditionKind | undefined }
  | { readonly kind: "lower"; readonly firstLayer: number; readonly cut?: Cut }
  | { readonly kind: "keys" | "prefix"; readonly firstLayer: number }
  | { readonly kind: "upper"; readonly site: UpperSite; readonly wanted?: "embedding" | "tokens" }
  | { readonly kind: "tune"; readonly site: TunedSite; readonly dropout: boolean }
  | { readonly kind: "whole"; readonly wanted: "embedding" }
  | { readonly kind: "whole"; readonly wanted: "loss"; readonly dropout: boolean };

export type TunedSite = Exclude<UpperSite, { kind: "none" }>;

/** File name of a graph within its bundle. */
export function graphFile(spec: GraphSpec): string {
  switch (spec.kind) {
    case "serve":
      return spec.added ? `serve-${spec.added}.onnx` : "serve.onnx";
    case "lower":
      return `lower-${spec.firstLayer}${cutName(spec.cut)}.onnx`;
    case "keys":
    case "prefix":
      return `${spec.kind}-${spec.firstLayer}.onnx`;
    case "upper":
      return `upper-${siteName(spec.site)}${spec.wanted === "tokens" ? "-tokens" : ""}.onnx`;
    case "tune":
      return `tune-${siteName(spec.site)}${spec.dropout ? "-dropout" : ""}.onnx`;
    case "whole":
      return `whole-${spec.wanted}${spec.wanted === "loss" && spec.dropout ? "-dropout" : ""}.onnx`;
  }
}

export function buildGraph(spec: GraphSpec, config: TextConfig, weights: WeightPlaces): Graph {
  switch (spec.kind) {
    case "serve":
      return textServeGraph(config, weights, spec.added);
    case "lower":
      return textLowerGraph(config, weights, spec.firstLayer, spec.cut);
    case "keys":
      return textKeysGraph(config, weights, spec.firstLayer);
    case "prefix":
      return textPrefixGraph(config, weights, spec.firstLayer);
    case "upper": {
      const { wanted = "embedding" } = spec;
      const { builder, features } = textUpper(
        config,
        weights,
        spec.site,
        { [wanted]: true },
        { name: "upper" },
      );
      builder.output(features[wanted] as Value, wanted);
      return builder.build();
    }
    case "tune":
      return buildTuneGraph(spec, classificationHead(config), config, weights);
    case "whole":
      return buildWholeGraph(spec, config, asInputs(weights));
  }
}

function buildWholeGraph(
  spec: Extract<GraphSpec, { kind: "whole" }>,
  config: TextConfig,
  weights: WeightPlaces,
): Graph {
  const dropout = spec.wanted === "loss" && spec.dropout;
  const { builder, features } = textWhole(config, weights, EMBEDDING, { name: "whole", dropout });
  if (spec.wanted === "embedding") {
    builder.output(features.embedding as Value, "embedding");
    return builder.build();
  }
  const learnt = classificationHead(config).add(builder, features);
  const graph = builder.build();
  const all = graph.inputs.map(({ name }) => name).filter((name) => name.startsWith("weight."));
  return differentiate(graph, { loss: "loss", wrt: [...all, ...learnt] });
}

const EMBEDDING: TextWanted = { embedding: true };

/** A head that the caller puts onto features: adds its inputs, loss and outputs to the graph, and names what is learnt. */
export interface TextHead {
  readonly wanted: TextWanted;
  /** @returns names of the inputs that the head learns; the graph has an output `loss` then */
  add(builder: GraphBuilder, features: TextFeatures): readonly string[];
}

/** `hidden`, one prompt and what the head reads -> `loss` and the gradients of the prompt and of what the head learns. */
export function buildTuneGraph(
  { site, dropout }: { site: UpperSite; dropout: boolean },
  head: TextHead,
  config: TextConfig,
  weights: WeightPlaces,
): Graph {
  const { builder, features } = textUpper(config, weights, site, head.wanted, { name: "tune", dropout });
  const learnt = head.add(builder, features);
  const wrt = site.kind === "none" ? learnt : [site.kind, ...learnt];
  return differentiate(builder.build(), { loss: "loss", wrt });
}

/** C classes: prototypes of any length, compared by cosine. */
function classificationHead({ hiddenSize }: TextConfig): TextHead {
  return {
    wanted: EMBEDDING,
    add(b, { embedding }) {
      const prototypes = b.input("prototypes", "float32", ["C", hiddenSize]);
      const logits = cosineHead(b, embedding as Value, prototypes, b.input("scale", "float32", []));
      const targets = b.input("targets", "float32", ["B", "C"]);
      b.output(crossEntropy(b, logits, targets, b.input("weights", "float32", ["B"])), "loss");
      b.output(logits, "logits");
      return ["prototypes"];
    },
  };
}

function siteName(site: UpperSite): string {
  if (site.kind === "soft") return "soft";
  return `${site.kind}-${site.firstLayer}${site.kind === "none" ? cutName(site.cut) : ""}`;
}

function cutName(cut: Cut | undefined): string {
  return cut === "in front" ? "-in-front" : "";
}
