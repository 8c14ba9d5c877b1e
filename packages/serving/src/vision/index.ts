export type {
  AnswerOptions,
  FoundObject,
  ImageAnswer,
  ImageClasses,
  ImageMap,
  ImageObjects,
} from "./answers.ts";
export {
  createVisionPredictor,
  type ImageRequest,
  type VisionPredictor,
  type VisionPredictorOptions,
} from "./predictor.ts";
