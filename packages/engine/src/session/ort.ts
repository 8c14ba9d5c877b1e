import type { InferenceSession, Tensor as OrtTensor, TensorConstructor } from "onnxruntime-common";
import { EngineError } from "../error.ts";
import type { DType, Tensor } from "../tensor.ts";
import type { Feeds, Session } from "./session.ts";

/** Our port over a session of either ONNX Runtime package; the two share onnxruntime-common's types. */
export function wrapOrtSession(session: InferenceSession, OrtTensor: TensorConstructor): Session {
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    async run(feeds, outputs) {
      const given = Object.entries(feeds).map(([name, tensor]): [string, OrtTensor] => [
        name,
        toOrt(tensor, OrtTensor),
      ]);
      const missing = session.inputNames.filter((name) => feeds[name] === undefined);
      if (missing.length > 0) throw missingInputs(missing, feeds);
      try {
        const results = await session.run(Object.fromEntries(given), outputs ?? session.outputNames);
        return Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, fromOrt(tensor)]));
      } catch (error) {
        throw new EngineError(
          "session_failed",
          `ONNX Runtime failed to run the graph: ${error instanceof Error ? error.message : String(error)}`,
          "Inputs: " +
            Object.entries(feeds)
              .map(([name, { type, dims }]) => `${name} ${type}[${dims.join(", ")}]`)
              .join("; "),
          { kind: "machine", cause: error },
        );
      }
    },
    release: () => session.release(),
  };
}

export function openFailed(model: string, error: unknown): EngineError {
  return new EngineError(
    "session_failed",
    `ONNX Runtime can't open ${model}: ${error instanceof Error ? error.message : String(error)}`,
    "Build the backbone's bundle again (kilotune backbone build), or check the free memory.",
    { kind: "machine", cause: error },
  );
}

export function missingInputs(missing: readonly string[], feeds: Feeds): EngineError {
  return new EngineError(
    "missing_input",
    `the graph reads ${missing.join(", ")}, which the feeds lack; seen: ${Object.keys(feeds).join(", ")}`,
    "Give every input of the session.",
  );
}

function toOrt(tensor: Tensor, OrtTensor: TensorConstructor): OrtTensor {
  return new OrtTensor(tensor.type as "float32", tensor.data as Float32Array, tensor.dims);
}

function fromOrt(tensor: OrtTensor): Tensor {
  const data = tensor.data as Float32Array;
  // Node 24 has a Float16Array, in which ONNX Runtime gives half floats; ours are bits.
  const bits = tensor.type === "float16" && new Uint16Array(data.buffer, data.byteOffset, data.length);
  return { type: tensor.type as DType, dims: tensor.dims, data: bits || data };
}
