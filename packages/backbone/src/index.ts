export type { Backbone } from "./backbone.ts";
export { buildBundle, defaultFirstLayer } from "./bundle/build.ts";
export { buildGraph, type GraphSpec, graphFile, type TextHead, type TunedSite } from "./bundle/graphs.ts";
export type { BackboneIdentity, BackboneManifest } from "./bundle/manifest.ts";
export { openBundle } from "./bundle/open.ts";
export { PRECISIONS, type Precision } from "./bundle/quantize-weights.ts";
export { describeBackbone, methodsOfBackbone, promptableLayers } from "./describe.ts";
export { sha256OfFile } from "./download/checksum.ts";
export { type PullOptions, type PullProgress, pullBackbone } from "./download/pull-backbone.ts";
export { type BackboneCheck, verifyBackbone } from "./download/verify-backbone.ts";
export { bundleFolder, bundleOf, type LoadOptions, loadBackbone } from "./load.ts";
export { type PackedTexts, packTexts, type RowPlace } from "./pack-texts.ts";
export { findBackbone, KNOWN_BACKBONES, type KnownBackbone } from "./registry/backbones.ts";
export { UNVERIFIED_BACKBONES, type UnverifiedBackbone } from "./registry/unverified.ts";
export { cacheFolder, hubUrl } from "./registry/places.ts";
export {
  type Encoded,
  type EncodedWords,
  loadTokenizer,
  type Tokenizer,
} from "./tokenizer/load-tokenizer.ts";
export { type WordSpan, wordSpans } from "./tokenizer/text-words.ts";
export type { TextConfig } from "./text/config.ts";
export type { TextFamily } from "./text/families.ts";
export { type AdditionKind, biasNumbers } from "./encoder/additions.ts";
export { type Cut, cutOf, type TextFeatures, type TextWanted, type UpperSite } from "./text/graph.ts";
export type { Instructions, Pooling } from "./text/sentence.ts";
export type { VisionBackbone } from "./vision/backbone.ts";
export { gridOf, type ImageSize, type VisionConfig } from "./vision/config.ts";
export type { VisionFeatures, VisionSite, Wanted } from "./vision/graph.ts";
export {
  featureValue,
  type ImageFeature,
  type TunedVisionSite,
  type VisionAnswer,
  type VisionHead,
  type VisionSpec,
} from "./vision/graphs.ts";
export {
  isVisionCheckpoint,
  loadFrozenGraph,
  loadVisionBackbone,
  type VisionLoadOptions,
  visionBundleOf,
} from "./vision/load.ts";
export type { FrozenBackbone, FrozenHead, FrozenWanted } from "./frozen/backbone.ts";
export type { FrozenFeatures, FrozenSites } from "./frozen/graph.ts";
export type { FrozenManifest } from "./frozen/manifest.ts";
export type { Stage } from "./frozen/stages.ts";
export type { VisionIdentity, VisionManifest } from "./vision/manifest.ts";
export { openVisionBundle } from "./vision/open.ts";
export { withTiles } from "./vision/tiles.ts";
