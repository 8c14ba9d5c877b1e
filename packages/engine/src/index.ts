export { differentiate } from "./autodiff/gradient.ts";
export { prune } from "./autodiff/prune.ts";
export { EngineError, type EngineErrorCode } from "./error.ts";
export { float, GraphBuilder } from "./ir/builder.ts";
export type { Dim } from "./ir/dim.ts";
export type { Composite, ExternalData, Graph, Initializer, Node, Value } from "./ir/graph.ts";
export { printGraph } from "./ir/print.ts";
export { cosineHead, crossEntropy, meanSquaredError, normalize, sigmoidCrossEntropy } from "./losses.ts";
export {
  type QuantizedRows,
  type QuantizedWeights,
  quantizedProduct,
  quantizeRows,
  WEIGHT_CODES,
} from "./quantized-product.ts";
export { type ResizeMethod, resizeMatrix } from "./ops/resize.ts";
export { isOpName, type OpName } from "./ops/table.ts";
export { openReferenceSession } from "./session/reference.ts";
export type { Feeds, OpenGraph, Session } from "./session/session.ts";
export {
  BYTES_PER_ELEMENT,
  type DType,
  float32,
  int64,
  sizeOf,
  type Tensor,
  type TensorData,
  tensor,
} from "./tensor.ts";
export {
  readSafetensors,
  readSafetensorsHeader,
  readTensor,
  type SafetensorsFile,
} from "./safetensors/read.ts";
export type { SafetensorsEntry, SafetensorsHeader } from "./safetensors/header.ts";
export { assertFinite } from "./safetensors/assert-finite.ts";
export { layOutSafetensors, writeSafetensors, writeSafetensorsStream } from "./safetensors/write.ts";
export { float16ToFloat32, float32ToFloat16 } from "./float16.ts";
export { erf } from "./ops/erf.ts";
export { encodeOnnx } from "./onnx/encode.ts";
export { decodeOnnx } from "./onnx/decode.ts";
export { readOnnxMetadata } from "./onnx/metadata.ts";
