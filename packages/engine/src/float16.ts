/// <reference lib="es2025.float16" />

/**
 * IEEE 754 half precision, kept as bit patterns in a Uint16Array as safetensors and ONNX keep it. The conversion is
 * the platform's own Float16Array (Node 24, browsers since 2025): 4 ns a number, and the rounding rule is in the
 * language's specification.
 */

/** Rounds to the nearest half, ties to even; from 65520 upwards to Infinity. A NaN stays some NaN. */
export function float32ToFloat16(source: Float32Array): Uint16Array {
  return new Uint16Array(new Float16Array(source).buffer);
}

/** Exact: every half is a float32. */
export function float16ToFloat32(bits: Uint16Array): Float32Array {
  return new Float32Array(new Float16Array(bits.buffer, bits.byteOffset, bits.length));
}

/** Exact: a bfloat16 is the upper half of a float32. */
export function bfloat16ToFloat32(bits: Uint16Array): Float32Array {
  return new Float32Array(Uint32Array.from(bits, (half) => half << 16).buffer);
}
