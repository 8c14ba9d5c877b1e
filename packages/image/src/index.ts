export { tiledPreprocessing, tilesOf } from "./tiles.ts";
export { crop as cropPixels } from "./resample.ts";
export { addBorder, borderPlaces } from "./border.ts";
export { augmentBoxes, augmentMap, augmentPixels } from "./augment/apply-augmentation.ts";
export {
  AUGMENTATIONS,
  type Augmentation,
  type AugmentationRange,
  type ColourChange,
  drawAugmentation,
} from "./augment/draw-augmentation.ts";
export type { ImageCodec, ImageHeader, Kernel, RasterFormat, Region, Source, View } from "./codec.ts";
export { type ImageFacts, imageFacts, imageSize, type MaskFacts, maskFacts } from "./facts.ts";
export { type DicomImage, readDicom } from "./dicom/read-dicom.ts";
export { DEFAULT_LIMITS, type ImageLimits } from "./limits.ts";
export { readMask, relabel } from "./masks/read-mask.ts";
export type { Colour, Pixels } from "./pixels.ts";
export { type Box, boxToFrame, boxToImage, type Placement, place, type Size } from "./placement.ts";
export {
  decodeImage,
  type Prepared,
  prepareImage,
  sizeOfImage,
  preparePixels,
  type ReadOptions,
} from "./prepare-image.ts";
export {
  CENTRED,
  CLIP,
  canonicalPreprocessing,
  type Fit,
  IMAGENET,
  type Preprocessing,
  parsePreprocessing,
  preprocessingSha256,
} from "./preprocessing.ts";
export { type ImageFormat, sniffFormat } from "./sniff-format.ts";
