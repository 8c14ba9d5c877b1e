export { type Drawing, drawAnswer } from "./draw-answer.ts";
export { encodeMask, encodePng } from "./encode-png.ts";
export { createSharpCodec } from "./sharp-codec.ts";
export { type Thumbnail, thumbnailOf } from "./thumbnail.ts";
