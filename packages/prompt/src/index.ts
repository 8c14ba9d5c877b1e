export { LONGEST_PROMPT } from "./caps.ts";
export {
  assertCompatible,
  type BackboneIdentity,
  type ImageIdentity,
  type TextIdentity,
} from "./compatible.ts";
export { decodePrompt, refuseLarge as refuseLargePrompt } from "./decode.ts";
export { describePrompt, type PromptDescription, type TensorDescription } from "./describe.ts";
export { encodePrompt } from "./encode.ts";
export type { ImageBackbone, TextBackbone } from "./manifest/backbones.ts";
export type { AnyUse, Reading, Use, UseName } from "./manifest/uses.ts";
export type { Receipt } from "./manifest/provenance.ts";
export { PROMPT_FORMAT, type PromptManifest, type SharedPart } from "./manifest.ts";
export { detectionSpec, segmentationSpec } from "./patch-spec.ts";
export type {
  CosineHead,
  Head,
  HeadOf,
  HeadPrompt,
  KvPrefix,
  KvPrompt,
  LinearHead,
  BiasDifferences,
  Border,
  ChannelModulation,
  LoraFactors,
  LoraPrompt,
  ManifestOf,
  MlpHead,
  NoHead,
  PatchHead,
  Prompt,
  SoftPrompt,
  SoftTokens,
  StoredPrompt,
  TextClassifier,
} from "./prompt.ts";
export { isPromptId } from "./prompt-id.ts";
export { roundToStorage, type Storage } from "./storage.ts";
export { expectUse, isFor, useOf } from "./use.ts";
