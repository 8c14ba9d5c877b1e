export { createCanvasCodec } from "./canvas-codec.ts";
