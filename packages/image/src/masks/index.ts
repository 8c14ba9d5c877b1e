export { IGNORED, type LabelMap, mapToFrame, mapToImage, maskOf } from "./label-map.ts";
export { outlineMask } from "./outline.ts";
export { type Polygon, polygonsToRle, polygonToRle } from "./polygon.ts";
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
} from "./rle.ts";
