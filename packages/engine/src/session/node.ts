import { InferenceSession, Tensor } from "onnxruntime-node";
import type { Graph } from "../ir/graph.ts";
import { encodeOnnx } from "../onnx/encode.ts";
import { openFailed, wrapOrtSession } from "./ort.ts";
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
    // Warnings and errors go to stderr otherwise, in the middle of somebody's progress bar; errors are thrown too.
    logSeverityLevel: 4,
    ...(options.threads === undefined ? {} : { intraOpNumThreads: options.threads }),
  };
  try {
    const session =
      typeof model === "string"
        ? await InferenceSession.create(model, settings)
        : await InferenceSession.create(encodeOnnx(model), settings);
    return wrapOrtSession(session, Tensor);
  } catch (error) {
    throw openFailed(typeof model === "string" ? model : `the graph ${model.name}`, error);
  }
}
