export { assertCompatible, type BackboneIdentity } from "./compatible.ts";
export { LONGEST_PROMPT } from "./caps.ts";
export { decodePrompt, refuseLarge as refuseLargePrompt } from "./decode.ts";
export { describePrompt, type PromptDescription, type TensorDescription } from "./describe.ts";
export { encodePrompt } from "./encode.ts";
export { PROMPT_FORMAT, type PromptManifest } from "./manifest.ts";
export type {
  CosineHead,
  Head,
  HeadPrompt,
  KvPrefix,
  KvPrompt,
  LinearHead,
  ManifestOf,
  MlpHead,
  Prompt,
  SoftPrompt,
  SoftTokens,
  StoredPrompt,
} from "./prompt.ts";
export { isPromptId } from "./prompt-id.ts";
export { roundToStorage, type Storage } from "./storage.ts";
