export {
  type BaselineName,
  type Baselines,
  chooseNeighbours,
  type FrozenRows,
  fitBaselines,
  predictBaselines,
} from "./baselines/baselines.ts";
export { nearestNeighbours } from "./baselines/nearest-neighbours.ts";
export { fitTagProbe, type ProbedTexts, type TagProbe } from "./baselines/tag-probe.ts";
export { readableName, zeroShot } from "./baselines/zero-shot.ts";
export { type BestEpoch, type Checkpoint, decodeCheckpoint, encodeCheckpoint } from "./checkpoint.ts";
export { chooseSettings, chooseWholeSettings } from "./choose-settings.ts";
export { HiddenStore } from "./data/hidden-store.ts";
export { deepOfPrefix, deepPrefix } from "./deep-prefix.ts";
export { embed } from "./embed.ts";
export { classMeans, normalizeRows } from "./head/class-means.ts";
export { type ClassRows, classTargets } from "./head/class-targets.ts";
export { type HeldOutVectors, type OutputFigure, outputValidation } from "./head/held-out-vectors.ts";
export {
  learntHead,
  type OutputLoss,
  type OutputRows,
} from "./head/linear-outputs.ts";
export { fitLabels, fitLinearProbe, type LinearHead } from "./head/linear-probe.ts";
export { type LinearSession, openLinearSession } from "./head/linear-session.ts";
export { fitLabelProbe, type LabelledRows, type LabelProbe } from "./labels/probe.ts";
export { type LabelScore, scoreLabels } from "./labels/score.ts";
export { rarestLabels } from "./labels/strata.ts";
export {
  chooseThresholds,
  crossFitted,
  fitLabelTemperature,
  reached,
  sigmoids,
} from "./labels/thresholds.ts";
export { argmaxRows } from "./measure/argmax.ts";
export { auroc } from "./measure/auroc.ts";
export {
  type ClassScore,
  type Detection,
  type DetectionScore,
  type Shape,
  scoreDetections,
  type Truth,
} from "./measure/average-precision.ts";
export { boundaryF1 } from "./measure/boundary-f1.ts";
export { fitTemperature, reliability } from "./measure/calibration.ts";
export { confusionOf, perClass, scoreOf, wilson } from "./measure/classification.ts";
export { countRight } from "./measure/count-right.ts";
export { bestThreshold } from "./measure/detection-threshold.ts";
export { type PrecisionCurve, precisionCurve } from "./measure/precision-curve.ts";
export { type RankedQuery, type RankingFigures, rankingFigures, rankQueries } from "./measure/ranking.ts";
export { type SegmentationScore, SegmentationTally } from "./measure/segmentation.ts";
export { type SpanScore, scoreSpans } from "./measure/spans.ts";
export { type AdamWState, initAdamW, updateAdamW } from "./optimizer/adamw.ts";
export { type PromptSite, promptFeed, promptSite } from "./prompt-site.ts";
export type { Reparametrisation } from "./reparametrisation.ts";
export { chooseRegressionSettings } from "./regression/choose-settings.ts";
export { fitRidge, type Ridge, spreadOf, standardised } from "./regression/ridge.ts";
export { scoreValues, type ValueScore } from "./regression/score.ts";
export { type RunOptions, type RunResult, runTuning } from "./run-tuning.ts";
export type { LoopSettings, TunedMethod, TuneSettings } from "./settings.ts";
export { type Rung, rungsOf, successiveHalving, type Trial, WHOLE_RUN } from "./sweep/halving.ts";
export {
  type Candidate,
  drawCandidates,
  gridOf,
  parseSweep,
  type SweepSpace,
  type SweptName,
} from "./sweep/space.ts";
export {
  type LearningTask,
  type Learnt,
  type Meter,
  type RowStore,
  standardErrorOfShare,
  type TargetsOf,
  type Validation,
} from "./task.ts";
export { chooseLabelSettings } from "./text/choose-label-settings.ts";
export { chooseRetrievalSettings } from "./text/choose-retrieval-settings.ts";
export { chooseTagSettings, START_C } from "./text/choose-tag-settings.ts";
export { type ClassifiedTexts, textAccuracy, textClassification } from "./text/classification.ts";
export { embedWords } from "./text/embed-words.ts";
export { heldOutTexts } from "./text/held-out-vectors.ts";
export { textOutputs } from "./text/linear-outputs.ts";
export { chooseScope, type ScopeChoice, type ScopeScore, scopeScores } from "./text/out-of-scope.ts";
export { badInit, startFromTexts, type TextStart, tokensOfText } from "./text/prompt-start.ts";
export { areManyOfAGroup, textProxies } from "./text/proxies.ts";
export { type GroupedTexts, retrievalPrecision, textRetrieval } from "./text/retrieval.ts";
export { type TaggedWords, taggedWords, tagLabelsOf, tagsOfTokens } from "./text/tagged-words.ts";
export { answerTags, spanF1, type TaggedTexts, textTagging } from "./text/tagging.ts";
export {
  assertSmallEnough,
  embedWhole,
  type WholeSettings,
  type WholeTexts,
  weightsIn,
  wholeAccuracy,
  wholeClassification,
} from "./text/whole-backbone.ts";
export { type Start, startTuning, type TuneState, tune } from "./tune.ts";
export { type HeldOutAnswers, judge } from "./verdict.ts";
export { chooseVisionSettings } from "./vision/choose-settings.ts";
export {
  type ClassifiedImages,
  imageAccuracy,
  imageClassification,
} from "./vision/classification.ts";
export { openBelow } from "./vision/dense-head.ts";
export {
  chooseDenseSettings,
  type DenseSettings,
  type DenseWish,
  planDetection,
  planSegmentation,
} from "./vision/dense-settings.ts";
export {
  ap50Of,
  type BoxFinder,
  type DetectionPlan,
  type ImagesWithBoxes,
  imageDetection,
  inShape,
  type LabelledBox,
  openBoxes,
} from "./vision/detection.ts";
export { embedImages } from "./vision/embed-images.ts";
export { type FrozenFeatures, frozenFeatures } from "./vision/frozen-features.ts";
export { featureWanted, heldOutImages } from "./vision/held-out-vectors.ts";
export {
  type ImageSource,
  ImageStore,
  type ImageStoreOptions,
  type ImageView,
} from "./vision/image-store.ts";
export { imageOutputs } from "./vision/linear-outputs.ts";
export {
  alsoOfMasks,
  type DrawnMap,
  imageSegmentation,
  type MaskDrawer,
  meanIouOf,
  openMasks,
  type SegmentationPlan,
  type SegmentedImages,
} from "./vision/segmentation.ts";
export type { VisionMethod, VisionSettings } from "./vision/settings.ts";
export { openedSite, visionSite } from "./vision/vision-site.ts";
