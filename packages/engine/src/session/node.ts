import { InferenceSession, Tensor } from "onnxruntime-node";
import { EngineError } from "../error.ts";
import type { Graph } from "../ir/graph.ts";
import { encodeOnnx } from "../onnx/encode.ts";
import { wrapOrtSession } from "./ort.ts";
import type { Session } from "./session.ts";

export interface NodeSessionOptions {
  /** Threads for one run. Default: as many as ONNX Runtime sees cores. */
  readonly threads?: number;
}

/**
 * A session of onnxruntime-node: on the path of an .onnx file, whose external data is read from the file's own folder,
 * or on a graph without external data.
 */
export async function openNodeSession(
  model: string | Graph,
  options: NodeSessionOptions = {},
): Promise<Session> {
  const settings: InferenceSession.SessionOptions = {
    executionProviders: ["cpu"],
    graphOptimizationLevel: "all",
    // Warnings go to stderr otherwise, in the middle of somebody's progress bar.
    logSeverityLevel: 3,
    ...(options.threads === undefined ? {} : { intraOpNumThreads: options.threads }),
  };
  try {
    const session =
      typeof model === "string"
        ? await InferenceSession.create(model, settings)
        : await InferenceSession.create(encodeOnnx(model), settings);
    return wrapOrtSession(session, Tensor);
  } catch (error) {
    const name = typeof model === "string" ? model : `the graph ${model.name}`;
    throw new EngineError(
      "session_failed",
      `ONNX Runtime can't open ${name}: ${error instanceof Error ? error.message : String(error)}`,
      "Build the backbone's bundle again (kilotune backbone build), or check the free memory.",
      { kind: "machine", cause: error },
    );
  }
}
