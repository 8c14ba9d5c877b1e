import { InferenceSession, Tensor } from "onnxruntime-node";
import { EngineError } from "../error.ts";
import { wrapOrtSession } from "./ort.ts";
import type { Session } from "./session.ts";

export interface NodeSessionOptions {
  /** Threads for one run. Default: as many as ONNX Runtime sees cores. */
  readonly threads?: number;
}

/** A session of onnxruntime-node on an .onnx file; its external data is read from the file's own folder. */
export async function openNodeSession(modelPath: string, options: NodeSessionOptions = {}): Promise<Session> {
  try {
    const session = await InferenceSession.create(modelPath, {
      executionProviders: ["cpu"],
      graphOptimizationLevel: "all",
      // Warnings go to stderr otherwise, in the middle of somebody's progress bar.
      logSeverityLevel: 3,
      ...(options.threads === undefined ? {} : { intraOpNumThreads: options.threads }),
    });
    return wrapOrtSession(session, Tensor);
  } catch (error) {
    throw new EngineError(
      "session_failed",
      `ONNX Runtime can't open ${modelPath}: ${error instanceof Error ? error.message : String(error)}`,
      "Build the backbone's bundle again (kilotune backbone build), or check the free memory.",
      { kind: "machine", cause: error },
    );
  }
}
