import { cosineHead, crossEntropy, differentiate, type Graph } from "@kilotune/engine";
import type { TextConfig } from "../text/config.ts";
import { textLowerGraph, textServeGraph, textUpper, type UpperSite } from "../text/graph.ts";
import type { WeightPlaces } from "../weight-places.ts";

/**
 * The graphs of one backbone. All point into the same weights file.
 * serve: ids and prompts of many tenants -> unit sentence vectors.
 * lower: ids -> `hidden`, all that a prompt from `firstLayer` on can't change, so it is computed once a row.
 * upper: `hidden` and one prompt -> unit sentence vectors.
 * tune: `hidden`, one prompt, prototypes and targets -> loss and gradients.
 */
export type GraphSpec =
  | { readonly kind: "serve" }
  | { readonly kind: "lower"; readonly firstLayer: number }
  | { readonly kind: "upper"; readonly site: UpperSite }
  | { readonly kind: "tune"; readonly site: TunedSite; readonly dropout: boolean };

export type TunedSite = Exclude<UpperSite, { kind: "none" }>;

/** File name of a graph within its bundle. */
export function graphFile(spec: GraphSpec): string {
  switch (spec.kind) {
    case "serve":
      return "serve.onnx";
    case "lower":
      return `lower-${spec.firstLayer}.onnx`;
    case "upper":
      return `upper-${siteName(spec.site)}.onnx`;
    case "tune":
      return `tune-${siteName(spec.site)}${spec.dropout ? "-dropout" : ""}.onnx`;
  }
}

export function buildGraph(spec: GraphSpec, config: TextConfig, weights: WeightPlaces): Graph {
  switch (spec.kind) {
    case "serve":
      return textServeGraph(config, weights);
    case "lower":
      return textLowerGraph(config, weights, spec.firstLayer);
    case "upper": {
      const { builder, embedding } = textUpper(config, weights, spec.site, { name: "upper" });
      builder.output(embedding, "embedding");
      return builder.build();
    }
    case "tune": {
      const { builder: b, embedding } = textUpper(config, weights, spec.site, {
        name: "tune",
        dropout: spec.dropout,
      });
      // C classes. The head is learnt along: prototypes of any length, compared by cosine.
      const prototypes = b.input("prototypes", "float32", ["C", config.hiddenSize]);
      const logits = cosineHead(b, embedding, prototypes, b.input("scale", "float32", []));
      const targets = b.input("targets", "float32", ["B", "C"]);
      const loss = crossEntropy(b, logits, targets, b.input("weights", "float32", ["B"]));
      b.output(loss, "loss");
      b.output(logits, "logits");
      return differentiate(b.build(), { loss: "loss", wrt: [spec.site.kind, "prototypes"] });
    }
  }
}

function siteName(site: UpperSite): string {
  return site.kind === "soft" ? "soft" : `${site.kind}-${site.firstLayer}`;
}
