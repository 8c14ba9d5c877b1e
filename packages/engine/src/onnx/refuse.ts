import { EngineError, type EngineErrorCode } from "../error.ts";

/** A refusal in the three parts that each one has: expected, seen, what to try. */
export function refuse(
  expected: string,
  seen: string,
  hint = "Export the model again, and check it with onnx.checker.",
  code: EngineErrorCode = "bad_onnx",
): EngineError {
  return new EngineError(code, `ONNX: expected ${expected}, but saw ${seen}`, hint);
}

/** Text from the file, fit for a message: escaped and short. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}...` : text);
}
