export type { ImageCodec, ImageHeader, Kernel, RasterFormat, Region, Source, View } from "./codec.ts";
export { type DicomImage, readDicom } from "./dicom/read-dicom.ts";
export { DEFAULT_LIMITS, type ImageLimits } from "./limits.ts";
export { IGNORED, type LabelMap, mapToFrame, mapToImage, maskOf } from "./masks/label-map.ts";
export { outlineMask } from "./masks/outline.ts";
export { type Polygon, polygonsToRle, polygonToRle } from "./masks/polygon.ts";
export { readMask, relabel } from "./masks/read-mask.ts";
export {
  type CocoRle,
  decodeRle,
  encodeRle,
  parseRle,
  type Rle,
  rleArea,
  rleBox,
  rleIntersection,
  rleUnion,
  toCocoRle,
} from "./masks/rle.ts";
export type { Colour, Pixels } from "./pixels.ts";
export { type Box, boxToFrame, boxToImage, type Placement, place, type Size } from "./placement.ts";
export { decodeImage, type Prepared, prepareImage, type ReadOptions } from "./prepare-image.ts";
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
