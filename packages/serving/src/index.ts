export { type AcceptedPrompt, acceptPrompt } from "./accept-prompt.ts";
export type {
  ClassifyRequest,
  Embedding,
  Estimate,
  Prediction,
  Predictor,
  PredictorOptions,
  Tagging,
} from "./text/predictor.ts";
export type { TextInput } from "./text/make-row.ts";
export type { FoundSpan } from "./text/tag-spans.ts";
export { createPredictor } from "./text/predictor.ts";
export type { PredictorStats, RunOptions } from "./row-server.ts";
export type { ClassAnswer } from "./classes.ts";
export type { Score } from "./rank.ts";
export {
  type IsolationOptions,
  type IsolationReport,
  verifyImageIsolation,
  verifyIsolation,
} from "./verify-isolation.ts";
export {
  type AnswerOptions,
  createVisionPredictor,
  type FoundObject,
  type ImageAnswer,
  type ImageClasses,
  type ImageMap,
  type ImageObjects,
  type ImageRequest,
  type VisionPredictor,
  type VisionPredictorOptions,
} from "./vision/index.ts";
export { visionIdentity } from "./vision/prepare-prompt.ts";
