import { InferenceSession, Tensor } from "onnxruntime-node";
import type { Graph } from "../ir/graph.ts";
import { encodeOnnx } from "../onnx/encode.ts";
import type { Device } from "./device.ts";
import { openFailed, wrapOrtSession } from "./ort.ts";
import type { Session } from "./session.ts";
import { keepTelemetryOff } from "./telemetry.ts";

export { type ChosenDevice, chooseDevice, type Device } from "./device.ts";
export { runtimeVersion } from "./version.ts";

export interface NodeSessionOptions {
  /** Threads for one run. Default: as many as ONNX Runtime sees cores. */
  readonly threads?: number;
  /** Default cpu; see chooseDevice. What CUDA has no kernel for runs on the CPU beside it. */
  readonly device?: Device;
}

/**
 * A session of onnxruntime-node: on the path of an .onnx file, whose external data is read from the file's own folder,
 * or on a graph.
 *
 * @param weightsFolder of a graph's external data, where it has any
 */
export async function openNodeSession(
  model: string | Graph,
  { threads, device = "cpu" }: NodeSessionOptions = {},
  weightsFolder?: string,
): Promise<Session> {
  keepTelemetryOff();
  const settings: InferenceSession.SessionOptions = {
    executionProviders: device === "cpu" ? ["cpu"] : [device, "cpu"],
    graphOptimizationLevel: "all",
    // Warnings and errors go to stderr otherwise, in the middle of somebody's progress bar; errors are thrown too.
    logSeverityLevel: 4,
    ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
    ...(weightsFolder === undefined || typeof model === "string"
      ? {}
      : { extra: { session: { model_external_initializers_file_folder_path: weightsFolder } } }),
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
