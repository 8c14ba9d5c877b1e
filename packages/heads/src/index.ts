export { type DecodeOptions, decodeDetections, type Found } from "./detection/decode-detections.ts";
export {
  type DetectionSpec,
  detectionLoss,
  detectionOutput,
  detectionTensors,
  numbersPerCell,
} from "./detection/detection-head.ts";
export { type DetectionTargets, detectionTargets } from "./detection/targets.ts";
export { type HeadNumbers, type HeadTensor, headBytes, startHead } from "./head-tensors.ts";
export type { PatchGrid } from "./patch-grid.ts";
export { detectionHead, type PatchFeatures, type PatchHead, segmentationHead } from "./patch-head.ts";
export {
  detailOf,
  mapOfLogits,
  pixelLogits,
  type SampledPixels,
  sampleLogits,
  segmentationTargets,
} from "./segmentation/cells.ts";
export {
  type SegmentationSpec,
  segmentationLogits,
  segmentationLoss,
  segmentationTensors,
} from "./segmentation/segmentation-head.ts";
export { MapMerger, mergeBoxes, type TileBoxes } from "./tiles.ts";
export { decodeTags, spansOfTags, type TagSpan } from "./tagging/tags.ts";
