export { type AcceptedPrompt, acceptPrompt } from "./accept-prompt.ts";
export type {
  ClassifyRequest,
  Embedding,
  Prediction,
  Predictor,
  PredictorOptions,
  PredictorStats,
} from "./predictor.ts";
export { createPredictor, type RunOptions } from "./predictor.ts";
export type { Score } from "./rank.ts";
export { type IsolationReport, verifyIsolation } from "./verify-isolation.ts";
