export type { Backbone } from "./backbone.ts";
export type { BertConfig } from "./bert/config.ts";
export type { UpperSite } from "./bert/graph.ts";
export { buildBundle, defaultFirstLayer } from "./bundle/build.ts";
export { buildGraph, type GraphSpec, graphFile, type TunedSite } from "./bundle/graphs.ts";
export { type BackboneIdentity, type BackboneManifest } from "./bundle/manifest.ts";
export { openBundle } from "./bundle/open.ts";
export { type Encoded, loadTokenizer, type Tokenizer } from "./tokenizer/load-tokenizer.ts";
